"""The difference between Tavus's record of a conversation and the stack.

Events are compared by the identity that callbacks have. Identity fails if one side has no time, or a coarser
one. Then an event with the same type and discriminator is the same event, so that a poorer copy never becomes
a second event.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tavus_callbacks.domain.callbacks.event import Event, base_ref
from tavus_callbacks.domain.callbacks.families import conversation_discriminator
from tavus_callbacks.domain.common import lenient_json
from tavus_callbacks.domain.common.json_text import parse
from tavus_callbacks.domain.events.stored_event import StoredEvent
from tavus_callbacks.domain.repair.tavus_record import TavusRecord, callbacks_in, can_hold

# Steps in which a sender may write its times: whole seconds, milliseconds.
_STEPS = (timedelta(seconds=1), timedelta(milliseconds=1))

# Stored events and variants by the reference of their event.
Stored = Mapping[str, Sequence[StoredEvent]]


@dataclass(frozen=True, slots=True)
class Plan:
    """The events that storing a record would add.

    `new` are events that are not stored. `variants` say something else about a stored event and have its
    `ref`. `unshown` counts stored events that the record should show and does not.
    """

    new: tuple[Event, ...]
    variants: tuple[Event, ...]
    unshown: int
    unfileable: int
    shows_events: bool

    @property
    def confirms(self) -> bool:
        """Return whether Tavus shows every stored event that its record can hold."""
        return self.shows_events and not self.unshown


def compare(record: TavusRecord, stored: Iterable[StoredEvent], *, label: str, received_at: datetime) -> Plan:
    """Compare a record with the conversation's stored events and variants."""
    by_ref: dict[str, list[StoredEvent]] = {}
    for stored_event in stored:
        by_ref.setdefault(base_ref(stored_event.ref), []).append(stored_event)
    entries = list(callbacks_in(record, label=label, received_at=received_at))
    events = list({(event.ref, event.content): event for event in entries if event is not None}.values())
    refs = _match(events, by_ref)
    matches = list(zip(events, refs, strict=True))
    return Plan(
        new=tuple(event for event, ref in matches if ref is None),
        variants=tuple(
            event._replace(ref=ref)
            for event, ref in matches
            if ref is not None and _says_more(event, by_ref[ref])
        ),
        unshown=sum(
            ref not in refs and can_hold(group[0].family, group[0].event_type)
            for ref, group in by_ref.items()
        ),
        unfileable=record.unreadable + entries.count(None),
        shows_events=bool(events),
    )


def _match(events: Sequence[Event], stored: Stored) -> list[str | None]:
    """Return for each event the reference of the stored event that it is, by identity, then by likeness."""
    named = {event.ref for event in events}
    unmatched = {ref: group for ref, group in stored.items() if ref not in named}
    matches: list[str | None] = []
    for event in events:
        if event.ref in stored:
            matches.append(event.ref)
            continue
        ref = next((ref for ref, group in unmatched.items() if _is_like(event, group)), None)
        if ref is not None:
            del unmatched[ref]
        matches.append(ref)
    return matches


def _is_like(event: Event, stored: Sequence[StoredEvent]) -> bool:
    discriminator = conversation_discriminator(_body(event))
    return any(
        other.event_type == event.event_type
        and _can_be_equal(event.occurred_at, other.occurred_at)
        and other.body is not None
        and discriminator == conversation_discriminator(other.body)
        for other in stored
    )


def _can_be_equal(first: datetime | None, second: datetime | None) -> bool:
    """Return whether two times can be one moment: one is missing, or is written in coarser steps."""
    if first is None or second is None:
        return True
    microseconds = (timedelta(microseconds=first.microsecond), timedelta(microseconds=second.microsecond))
    return any(
        abs(first - second) < step and any(not part % step for part in microseconds) for step in _STEPS
    )


def _says_more(event: Event, stored: Sequence[StoredEvent]) -> bool:
    """Return whether an event says what no stored body of it says; False if one was not read."""
    members = lenient_json.members(_body(event)).items()
    for other in stored:
        if other.body is None:
            return False
        stored_members = lenient_json.members(other.body)
        if all(stored_members.get(name) == value for name, value in members):
            return False
    return True


def _body(event: Event) -> dict[str, Any]:
    return parse(event.text).clean
