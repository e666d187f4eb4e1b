"""The objectives of a conversation: every delivery, and for each objective its status and fullest values.

Tavus reports one objective several times with other values as the model refines them, and a later delivery
can be poorer (docs/tavus.md, "Objectives"). The fullest delivery counts; the others fill its gaps.

The documented body has no time. Deliveries are therefore ordered by the sender's time or, without one, by
the time of receipt; those of one moment by status:

    activated < pending < completed
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from pydantic import Field

from tavus_callbacks.domain.callbacks.families import OBJECTIVE_PREFIX
from tavus_callbacks.domain.common import lenient_json
from tavus_callbacks.domain.common.view import Happened, Moment, View
from tavus_callbacks.domain.events.stored_event import Occurrence

# An objective moves through these in order; a status that nobody documented ranks below them.
_STATUSES = ("activated", "pending", "completed")


class Delivery(Happened):
    """One callback of an objective."""

    received_at: Moment
    status: str
    values: dict[str, Any]


class ObjectiveView(View):
    """One objective."""

    name: str | None
    status: str = Field(
        description="activated, pending, completed, or as sent: the latest by the sender's clock. "
        "Of deliveries without a time, the furthest status counts."
    )
    values: dict[str, Any] = Field(description="The fullest values over all deliveries.")
    history: list[Delivery] = Field(
        description="Ordered by the sender's time, or by the time of receipt where Tavus sent none."
    )


def objectives(occurred: Iterable[Occurrence]) -> list[ObjectiveView]:
    """Fold objective events into one entry a name, in the order of their first deliveries."""
    by_name: dict[str | None, list[Occurrence]] = {}
    for event in sorted(occurred, key=_order):
        by_name.setdefault(lenient_json.first_text(event.properties, "objective_name"), []).append(event)
    return [_objective(name, events) for name, events in by_name.items()]


def _order(one: Occurrence) -> tuple[datetime, int, str]:
    return one.moment, _rank(one), one.event.event_ref


def _rank(one: Occurrence) -> int:
    status = _status_in(one)
    return _STATUSES.index(status) if status in _STATUSES else -1


def _status_in(one: Occurrence) -> str:
    return one.event.event_type.removeprefix(OBJECTIVE_PREFIX)


def _objective(name: str | None, events: Sequence[Occurrence]) -> ObjectiveView:
    history = list(map(_delivery, events))
    return ObjectiveView(name=name, status=_status(events), values=_fullest(history), history=history)


def _delivery(one: Occurrence) -> Delivery:
    return Delivery(
        at=one.event.occurred_at,
        event_id=one.event.event_id,
        received_at=one.event.received_at,
        status=_status_in(one),
        values=lenient_json.mapping(one.properties.get("output_variables")),
    )


def _status(events: Sequence[Occurrence]) -> str:
    """Return the latest timed status, or one without a time that is further; of equals the later one."""
    timed = [one for one in events if one.event.plausible_at is not None]
    candidates = [one for one in events if one.event.plausible_at is None or one is timed[-1]]
    return _status_in(max(reversed(candidates), key=_rank))


def _fullest(history: Sequence[Delivery]) -> dict[str, Any]:
    """Join all values, the fullest delivery's before others', of equally full ones the latest first."""
    rising = sorted(history, key=lambda delivery: len(_said(delivery)))
    return {name: value for delivery in rising for name, value in _said(delivery).items()}


def _said(delivery: Delivery) -> dict[str, Any]:
    return {name: value for name, value in delivery.values.items() if value not in (None, "", [], {})}
