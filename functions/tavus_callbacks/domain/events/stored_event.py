"""A stored event, and the order in which the views fold events.

One event can have several contents (variants). Chance decides which of them came first, so the views rank
them by richness: a property has the value of the richest content that names it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from tavus_callbacks.domain.callbacks.event import Source, event_id
from tavus_callbacks.domain.common import lenient_json
from tavus_callbacks.domain.common.digests import canonical
from tavus_callbacks.domain.common.tags import SIMULATED
from tavus_callbacks.domain.common.view import Skipped

# A sender's clock may be off by its time zone, but nothing happens a day after it was received.
_CLOCK_ERROR = timedelta(days=1)
# An answer names at most this many skipped events, because anybody can send any number of them.
_MOST_SKIPPED = 100
_BEFORE_ALL = datetime.min.replace(tzinfo=UTC)


def is_event_row(row: Mapping[str, Any]) -> bool:
    """Return whether a row holds an event or a variant, rather than a summary or a recording."""
    return row["type"] in ("event", "variant")


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """The row of an event or of a variant, with its body if that was read.

    `ref` is the row's own reference and `event_ref` that of its event; they differ only for a variant.
    `content` is the digest of the body, `body_size` its bytes, and `body` what it says, None if it was not
    read. `expires_at` is in seconds since 1970, None for never.
    """

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
    issues: tuple[str, ...]
    content: str
    body_size: int
    expires_at: int | None = None
    body: dict[str, Any] | None = None

    @classmethod
    def from_row(cls, row: Mapping[str, Any], raw_body: bytes | None = None) -> "StoredEvent":
        """Read a row; `raw_body` is its body as stored, None if that is not read.

        Raises ValueError if a time of the row is not ISO 8601.
        """
        occurred_at = row.get("occurred_at")
        event = cls(
            ref=row["ref"],
            family=row["family"],
            kind=row["kind"],
            subject=row["subject"],
            event_type=row["event_type"],
            occurred_at=datetime.fromisoformat(occurred_at) if occurred_at else None,
            received_at=datetime.fromisoformat(row["received_at"]),
            label=row["label"],
            tags=dict(row["tags"]),
            source=row.get("source", "callback"),
            issues=tuple(row["issues"]),
            content=row["content"],
            body_size=int(row["body_size"]),
            expires_at=int(row["expires_at"]) if row.get("expires_at") else None,
        )
        return event if raw_body is None else event.with_body(raw_body)

    def with_body(self, raw_body: bytes) -> "StoredEvent":
        """Return the event with its body, given as stored."""
        return replace(self, body=lenient_json.parse_stored_body(raw_body))

    @property
    def event_ref(self) -> str:
        """Return the reference of the event, without a variant's part."""
        return self.ref.partition("-v")[0]

    @property
    def is_variant(self) -> bool:
        """Return whether this is other content for an event that is stored already."""
        return "-v" in self.ref

    @property
    def event_id(self) -> str:
        """Return the id of the event; an event and its variants share it."""
        return event_id(self.kind, self.subject, self.event_ref)

    @property
    def row_id(self) -> str:
        """Return the id of this row's body: the variant's for a variant, else the event's."""
        return event_id(self.kind, self.subject, self.ref)

    @property
    def is_simulated(self) -> bool:
        """Return whether `simulate` or `doctor` made the callback."""
        return SIMULATED in self.tags.items()

    @property
    def plausible_at(self) -> datetime | None:
        """Return the sender's time, or None if it lies more than a day after the receipt.

        A time in the far past is believed: a wrong clock looks like a callback that is delivered late.
        """
        at = self.occurred_at
        return at if at is not None and at <= self.received_at + _CLOCK_ERROR else None


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One event with the properties that all of its contents have together."""

    event: StoredEvent
    properties: dict[str, Any]

    @property
    def recency(self) -> tuple[datetime, str]:
        """Return a key that sorts by time; an event without a plausible time is the oldest."""
        return (self.event.plausible_at or _BEFORE_ALL, self.event.event_ref)

    @property
    def moment(self) -> datetime:
        """Return when it happened by the sender's clock, or without a plausible time when it was received."""
        return self.event.plausible_at or self.event.received_at


def skipped_events(events: Iterable[StoredEvent]) -> Skipped | None:
    """Name the events whose bodies were not read, or return None if all were."""
    event_ids = sorted({event.event_id for event in events if event.body is None})
    return Skipped(count=len(event_ids), event_ids=event_ids[:_MOST_SKIPPED]) if event_ids else None


def merge_variants(events: Iterable[StoredEvent]) -> list[Occurrence]:
    """Return each event once, with the properties of all of its variants.

    They are sorted by their references: by the sender's time, those without a time last.
    """
    by_ref: dict[str, list[StoredEvent]] = {}
    for event in events:
        by_ref.setdefault(event.event_ref, []).append(event)
    occurrences: list[Occurrence] = []
    for _, variants in sorted(by_ref.items()):
        properties: dict[str, Any] = {}
        for body in rank_bodies([event.body for event in variants if event.body is not None]):
            properties = lenient_json.members(body) | properties
        first = min(variants, key=lambda event: (event.family, event.received_at))
        occurrences.append(Occurrence(first, properties))
    return occurrences


def rank_bodies(bodies: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
    """Return the different bodies, the richest first: by the size of their properties, then by their text."""
    # Writing a large transcript out takes its time, and one body alone has no rank.
    if len(bodies) < 2:  # noqa: PLR2004
        return bodies
    by_text = {canonical(body): body for body in bodies}
    sizes = {text: len(canonical(lenient_json.members(body))) for text, body in by_text.items()}
    return [by_text[text] for text in sorted(by_text, key=lambda text: (sizes[text], text), reverse=True)]
