"""Sums over conversations as lists show them: in total, and by day, label, tag or end reason."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from statistics import median
from typing import Any

from tavus_callbacks.domain.common.tags import normalize

Conversation = Mapping[str, Any]
Key = Callable[[Conversation], Iterable[str]]

# The group of a conversation without a value.
NONE = "(none)"

# In the order of a spreadsheet's columns.
STATUSES = ("ended", "presumed_ended", "active")
PARTS = ("shutdown", "transcript", "perception", "recording")

# Seconds. Tavus ends a call after an hour by default; in half a minute hardly anybody has talked.
DURATION_BOUNDS = (30, 60, 120, 300, 600, 900, 1200, 1800, 2700, 3600)
# Seconds. People notice the difference between half a second and one; after five they speak again.
RESPONSE_BOUNDS = (0.25, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10)

_TAG = "tag:"
_ADDED = (
    "user_turns",
    "replica_turns",
    "user_words",
    "replica_words",
    "user_questions",
    "replica_questions",
    "user_seconds",
    "replica_seconds",
    "tool_calls",
)


def by_day(conversation: Conversation) -> Iterable[str]:
    """Return the day (UTC) of a conversation's first callback."""
    return [conversation["received_first_at"][:10]]


def by_label(conversation: Conversation) -> Iterable[str]:
    """Return the labels of its callbacks."""
    return conversation["labels"] or [NONE]


def by_end_reason(conversation: Conversation) -> Iterable[str]:
    """Return why it ended."""
    return [conversation["end_reason"] or NONE]


def by_tag(name: str) -> Key:
    """Return a key for the values of a tag; names and values are compared after normalisation."""
    wanted = normalize(name)

    def values(conversation: Conversation) -> Iterable[str]:
        tags = conversation["tags"].items()
        tagged = [value for tag, value in tags if normalize(tag) == wanted]
        lists = [value if isinstance(value, list) else [value] for value in tagged]
        return {normalize(value) for value in chain.from_iterable(lists)} or [NONE]

    return values


KEYS: Mapping[str, Key] = {"day": by_day, "label": by_label, "end-reason": by_end_reason}
KEY_WORDS = "day, label, end-reason or tag:NAME"


def parse_key(text: str) -> Key | None:
    """Return the key that one of KEY_WORDS names; None for any other text."""
    if text.startswith(_TAG) and text != _TAG:
        return by_tag(text.removeprefix(_TAG))
    return KEYS.get(text)


def statistics(conversations: Sequence[Conversation], key: Key) -> dict[str, Any]:
    """Return the sums in total and by key, histograms of durations and median responses, and end reasons."""
    return {
        "total": sums(conversations),
        "groups": groups(conversations, key),
        "durations": histogram(_durations(conversations), DURATION_BOUNDS),
        "responses": histogram(_responses(conversations), RESPONSE_BOUNDS),
        "end_reasons": _count_end_reasons(conversations),
    }


def _count_end_reasons(conversations: Iterable[Conversation]) -> dict[str, int]:
    ended = (each for each in conversations if each["status"] == "ended")
    return dict(Counter(each["end_reason"] or NONE for each in ended).most_common())


def histogram(values: Iterable[float], bounds: Sequence[float]) -> dict[str, Any]:
    """Return how many values are below each bound and not below the one before; the last count is the rest.

    Counts of equal bounds can be added.
    """
    counts = [0] * (len(bounds) + 1)
    for value in values:
        counts[bisect_right(bounds, value)] += 1
    return {"bounds": list(bounds), "counts": counts}


def groups(conversations: Iterable[Conversation], key: Key) -> list[dict[str, Any]]:
    """Return sums by key, in the order of its values; a conversation with several values counts for each."""
    members: dict[str, list[Conversation]] = {}
    for conversation in conversations:
        for name in key(conversation):
            members.setdefault(name, []).append(conversation)
    return [{"group": name, **sums(members[name])} for name in sorted(members)]


def sums(conversations: Sequence[Conversation]) -> dict[str, Any]:
    """Return the sums of conversations: seconds, shares of 1, and None for unknown values."""
    talks = [each["talk"] for each in conversations if each["talk"]]
    added = {name: round(sum(talk[name] or 0 for talk in talks), 3) for name in _ADDED}
    durations = _durations(conversations)
    words = added["user_words"] + added["replica_words"]
    return {
        "conversations": len(conversations),
        **{status: sum(each["status"] == status for each in conversations) for status in STATUSES},
        "seconds": round(sum(durations), 3),
        "median_seconds": _median(durations),
        "transcripts": len(talks),
        **added,
        "user_share_by_words": round(added["user_words"] / words, 3) if words else None,
        "median_response_seconds": _median(_responses(conversations)),
        **{f"missing_{part}": sum(part in each["missing"] for each in conversations) for part in PARTS},
        "simulated": sum(each["simulated"] for each in conversations),
    }


def _durations(conversations: Iterable[Conversation]) -> list[float]:
    return [each["duration"] for each in conversations if each["duration"] is not None]


def _responses(conversations: Iterable[Conversation]) -> list[float]:
    """Return the median responses of the conversations that have one, in seconds."""
    medians = (each["talk"]["median_response_seconds"] for each in conversations if each["talk"])
    return [value for value in medians if value is not None]


def _median(values: list[float]) -> float | None:
    return round(median(values), 3) if values else None
