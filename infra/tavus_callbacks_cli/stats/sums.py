"""Sums over conversations as the API lists them: all together, and by day, label, tag or end reason."""

from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from statistics import median
from typing import Any

from tavus_callbacks.domain.common.tags import normalize

Conversation = Mapping[str, Any]
Key = Callable[[Conversation], Iterable[str]]

# What a conversation is grouped under that has no value.
NONE = "(none)"

_WHAT = ("shutdown", "transcript", "perception", "recording")
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
    """Name the day (UTC) on which a conversation was first heard of."""
    return [conversation["received_first_at"][:10]]


def by_label(conversation: Conversation) -> Iterable[str]:
    """Name the labels that its callbacks came by."""
    return conversation["labels"] or [NONE]


def by_end_reason(conversation: Conversation) -> Iterable[str]:
    """Name why it ended."""
    return [conversation["end_reason"] or NONE]


def by_tag(name: str) -> Key:
    """Name the values of a tag; names and values that differ only in normalisation are the same."""
    wanted = normalize(name)

    def values(conversation: Conversation) -> Iterable[str]:
        tags = conversation["tags"].items()
        of_name = [value for each, value in tags if normalize(each) == wanted]
        lists = [value if isinstance(value, list) else [value] for value in of_name]
        return {normalize(value) for value in chain.from_iterable(lists)} or [NONE]

    return values


def groups(conversations: Iterable[Conversation], key: Key) -> list[dict[str, Any]]:
    """Sum up by key, in the order of its values; a conversation with several values counts under each."""
    found: dict[str, list[Conversation]] = {}
    for one in conversations:
        for name in key(one):
            found.setdefault(name, []).append(one)
    return [{"group": name, **sums(found[name])} for name in sorted(found)]


def sums(conversations: list[Conversation]) -> dict[str, Any]:
    """Add conversations up; spans are seconds, shares of 1, and what cannot be known is None."""
    talks = [one["talk"] for one in conversations if one["talk"]]
    added = {name: round(sum(talk[name] or 0 for talk in talks), 3) for name in _ADDED}
    return {
        "conversations": len(conversations),
        **{name: _count(conversations, name) for name in ("ended", "presumed_ended", "active")},
        "seconds": round(sum(_durations(conversations)), 3),
        "median_seconds": _median(_durations(conversations)),
        "transcripts": len(talks),
        **added,
        "user_share_by_words": _share(added["user_words"], added["replica_words"]),
        "median_response_seconds": _median(responses(conversations)),
        **{f"missing_{what}": sum(what in one["missing"] for one in conversations) for what in _WHAT},
        "simulated": sum(one["simulated"] for one in conversations),
    }


def responses(conversations: Iterable[Conversation]) -> list[float]:
    """Return each conversation's median response, in seconds, where it has one."""
    medians = (one["talk"]["median_response_seconds"] for one in conversations if one["talk"])
    return [value for value in medians if value is not None]


def _durations(conversations: Iterable[Conversation]) -> list[float]:
    return [one["duration"] for one in conversations if one["duration"] is not None]


def _count(conversations: Iterable[Conversation], status: str) -> int:
    return sum(one["status"] == status for one in conversations)


def _median(values: list[float]) -> float | None:
    return round(median(values), 3) if values else None


def _share(user: float, replica: float) -> float | None:
    return round(user / (user + replica), 3) if user + replica else None
