"""What Tavus's record of a conversation has and we lack, told by identity and, where that fails, by likeness.

Identity is the callbacks' own. It fails where one side has no time, or a coarser one: then an event of the
same type and discriminator is the same event, so that a poorer copy never becomes a second one.
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
from tavus_callbacks.domain.repair.tavus_record import Record, callbacks_in, can_hold

# Steps in which a sender may write its times: whole seconds, milliseconds.
_STEPS = (timedelta(seconds=1), timedelta(milliseconds=1))
_NONE = timedelta()


@dataclass(frozen=True, slots=True)
class Plan:
    """What a reading of the record comes to.

    `new` are events that are not kept; `variants` say something else of one that is, whose `ref` they have.
    `unshown` counts kept events that the record should show and does not.
    """

    new: tuple[Event, ...]
    variants: tuple[Event, ...]
    unshown: int
    unfileable: int
    shows_events: bool

    @property
    def confirms(self) -> bool:
        """Tell whether Tavus itself shows every event that is kept, as far as its record holds such."""
        return self.shows_events and not self.unshown


Kept = Mapping[str, Sequence[StoredEvent]]


def plan(record: Record, kept: Iterable[StoredEvent], *, label: str, received_at: datetime) -> Plan:
    """Compare a record with the conversation's kept events and variants."""
    by_ref: dict[str, list[StoredEvent]] = {}
    for one in kept:
        by_ref.setdefault(base_ref(one.ref), []).append(one)
    understood = list(callbacks_in(record, label=label, received_at=received_at))
    events = list({(one.ref, one.content): one for one in understood if one is not None}.values())
    matched = _matched(events, by_ref)
    found = {ref for ref in matched if ref is not None}
    pairs = list(zip(events, matched, strict=True))
    return Plan(
        new=tuple(one for one, ref in pairs if ref is None),
        variants=tuple(
            one._replace(ref=ref) for one, ref in pairs if ref is not None and _adds(one, by_ref[ref])
        ),
        unshown=sum(
            ref not in found and can_hold(of[0].family, of[0].event_type) for ref, of in by_ref.items()
        ),
        unfileable=record.unreadable + understood.count(None),
        shows_events=bool(events),
    )


def _matched(events: Sequence[Event], kept: Kept) -> list[str | None]:
    """Return for each event the reference of the kept one that it is: by identity first, then by likeness."""
    left = {ref: of for ref, of in kept.items() if ref not in {one.ref for one in events}}
    matched: list[str | None] = []
    for event in events:
        ref = (
            event.ref
            if event.ref in kept
            else next((ref for ref in left if _is_like(event, left[ref])), None)
        )
        if ref is not None:
            left.pop(ref, None)
        matched.append(ref)
    return matched


def _is_like(event: Event, kept: Sequence[StoredEvent]) -> bool:
    body = _body(event)
    return any(
        one.event_type == event.event_type
        and _may_be_one(event.occurred_at, one.occurred_at)
        and one.body is not None
        and conversation_discriminator(body) == conversation_discriminator(one.body)
        for one in kept
    )


def _may_be_one(one: datetime | None, other: datetime | None) -> bool:
    """Tell whether two times can be one moment: one is not known, or written in coarser steps."""
    if one is None or other is None:
        return True
    return any(
        abs(one - other) < step and any(_is_whole(moment, step) for moment in (one, other)) for step in _STEPS
    )


def _is_whole(moment: datetime, step: timedelta) -> bool:
    return timedelta(microseconds=moment.microsecond) % step == _NONE


def _adds(event: Event, kept: Sequence[StoredEvent]) -> bool:
    """Return whether an event says what no stored content of its identity says; False if one was not read."""
    if any(one.body is None for one in kept):
        return False
    said = lenient_json.members(_body(event)).items()
    contents = (lenient_json.members(one.body) for one in kept if one.body is not None)
    return not any(all(known.get(name) == value for name, value in said) for known in contents)


def _body(event: Event) -> dict[str, Any]:
    return parse(event.text).clean
