"""The objectives of a conversation: every delivery, and for each objective its status and fullest values.

Tavus reports an objective several times while the model refines its values, and a later delivery can be
poorer (docs/tavus.md, "Objectives"). The fullest delivery counts; the others fill its gaps.

The documented body has no time. So deliveries are ordered by the sender's time or, without one, by the time
of receipt; those of one moment by status:

    activated < pending < completed
"""

from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import Field

from tavus_callbacks.domain.callbacks.families import OBJECTIVE_PREFIX
from tavus_callbacks.domain.common import lenient_json
from tavus_callbacks.domain.common.view import Happened, Moment, View
from tavus_callbacks.domain.events.stored_event import Occurrence

# An objective moves through these in order; an undocumented status ranks below them.
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
        "If deliveries have no time, the furthest status counts."
    )
    values: dict[str, Any] = Field(description="The most complete values of all deliveries.")
    history: list[Delivery] = Field(
        description="In order of the sender's time, or of receipt if Tavus sent no time."
    )


def fold_objectives(occurrences: Iterable[Occurrence]) -> list[ObjectiveView]:
    """Fold objective events into one entry a name, in the order of their first deliveries."""
    by_name: dict[str | None, list[Occurrence]] = {}
    ordered = sorted(occurrences, key=lambda each: (each.moment, _rank(_status(each)), each.event.event_ref))
    for occurrence in ordered:
        name = lenient_json.first_text(occurrence.properties, "objective_name")
        by_name.setdefault(name, []).append(occurrence)
    return [_objective(name, deliveries) for name, deliveries in by_name.items()]


def _rank(status: str) -> int:
    return _STATUSES.index(status) if status in _STATUSES else -1


def _status(occurrence: Occurrence) -> str:
    return occurrence.event.event_type.removeprefix(OBJECTIVE_PREFIX)


def _objective(name: str | None, occurrences: Sequence[Occurrence]) -> ObjectiveView:
    history = [
        Delivery(
            at=occurrence.event.occurred_at,
            event_id=occurrence.event.event_id,
            received_at=occurrence.event.received_at,
            status=_status(occurrence),
            values=lenient_json.mapping(occurrence.properties.get("output_variables")),
        )
        for occurrence in occurrences
    ]
    values = [
        {name: value for name, value in delivery.values.items() if value not in (None, "", [], {})}
        for delivery in history
    ]
    # The fullest delivery comes last and so before all others; of equally full ones the latest does.
    fullest = {name: value for rising in sorted(values, key=len) for name, value in rising.items()}
    return ObjectiveView(name=name, status=_current_status(occurrences), values=fullest, history=history)


def _current_status(occurrences: Sequence[Occurrence]) -> str:
    """Return the latest status that has a time, or a further one without; of equally far ones the later."""
    timed = [occurrence for occurrence in occurrences if occurrence.event.plausible_at is not None]
    statuses = [
        _status(occurrence)
        for occurrence in occurrences
        if occurrence.event.plausible_at is None or occurrence is timed[-1]
    ]
    return max(reversed(statuses), key=_rank)
