"""What a view is folded from: events and their contents, in an order that arrival does not change.

One identity can have several contents (variants), and which of them came first is chance. So they are
ranked by what they say, the richest first, and a member is read from the richest that has it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Any

from tavus_callbacks.domain.callbacks.event import Source
from tavus_callbacks.domain.common import lenient_json
from tavus_callbacks.domain.common.json_text import canonical
from tavus_callbacks.domain.common.view import Skipped

# Enough for a clock that is off by its time zone: what has been received did not happen a day later.
_CLOCK_ERROR = timedelta(days=1)
# Event ids that an answer names; a stranger can send any number of them.
_MOST_SKIPPED = 100
_BEFORE_ALL = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class FoldEvent:
    """A stored event or variant with its bodies, parsed by `reading.kept`; no contents if they were not read.

    `ref` is the event's, a variant's too: those of one `ref` are one event. Give a variant an element of its
    own where its label or tags differ.
    """

    event_id: str
    ref: str
    family: str
    kind: str
    subject: str
    event_type: str
    occurred_at: datetime | None
    received_at: datetime
    label: str
    tags: dict[str, str]
    source: Source
    contents: tuple[dict[str, Any], ...]

    @property
    def is_skipped(self) -> bool:
        """Return whether its body was not read."""
        return not self.contents

    @property
    def plausible_at(self) -> datetime | None:
        """Return the sender's time, or None if it lies more than a day after the receipt.

        A time in the far past is believed: a wrong clock looks like a callback that is delivered late.
        """
        at = self.occurred_at
        return at if at is not None and at <= self.received_at + _CLOCK_ERROR else None


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One event with what all of its contents say together."""

    event: FoldEvent
    said: dict[str, Any]

    @property
    def recency(self) -> tuple[datetime, str]:
        """Return how recent it is: in the order of time; without a plausible time it is the oldest."""
        return (self.event.plausible_at or _BEFORE_ALL, self.event.ref)

    @property
    def moment(self) -> datetime:
        """Return when it happened by the sender's clock, or without a plausible time when it was received."""
        return self.event.plausible_at or self.event.received_at


def skipped(events: Iterable[FoldEvent]) -> Skipped | None:
    """Name the events whose bodies were not read, or None if all were."""
    event_ids = sorted({event.event_id for event in events if event.is_skipped})
    return Skipped(count=len(event_ids), event_ids=event_ids[:_MOST_SKIPPED]) if event_ids else None


def in_order(happened: Iterable[Occurrence]) -> list[Occurrence]:
    """Sort by the sender's time, ties by identity, those without time last: so a `ref` is made."""
    return sorted(happened, key=lambda one: one.event.ref)


def occurrences(events: Iterable[FoldEvent]) -> list[Occurrence]:
    """Return each event once and in order."""
    by_ref: dict[str, list[FoldEvent]] = {}
    for event in events:
        by_ref.setdefault(event.ref, []).append(event)
    return in_order(map(_merged, by_ref.values()))


def _merged(group: list[FoldEvent]) -> Occurrence:
    first = min(group, key=lambda event: (event.event_id, event.family, event.received_at))
    contents = ranked([content for event in group for content in event.contents])
    said: dict[str, Any] = reduce(
        lambda richer, poorer: poorer | richer, map(lenient_json.members, contents), {}
    )
    return Occurrence(first, said)


def ranked(contents: Sequence[dict[str, Any]]) -> tuple[dict[str, Any], ...]:
    """Return different contents, the richest first: by the size of what they say, then by their text."""
    # Writing a large transcript out takes its time, and one content alone has no rank.
    if len(contents) == 1:
        return tuple(contents)
    different = {canonical(content): content for content in contents}
    return tuple(sorted(different.values(), key=_richness, reverse=True))


def _richness(content: dict[str, Any]) -> tuple[int, str]:
    return len(canonical(lenient_json.members(content))), canonical(content)
