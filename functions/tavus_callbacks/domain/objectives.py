"""The objectives of a conversation: every delivery, and of each objective the fullest values.

One objective is reported several times with other values as the model refines them, and a later delivery
can be poorer (tavus-callbacks.md 1.3). So the fullest one counts, filled up from the others.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import Field

from tavus_callbacks.domain import reading
from tavus_callbacks.domain.fold_event import Occurrence
from tavus_callbacks.domain.view import Happened, View

_PREFIX = "conversation.objective."


class Delivery(Happened):
    """One callback of an objective."""

    status: str
    values: dict[str, Any]


class ObjectiveView(View):
    """One objective."""

    name: str | None
    status: str = Field(description="Of the last delivery: activated, pending, completed, or as sent.")
    values: dict[str, Any] = Field(description="The fullest values over all deliveries.")
    history: list[Delivery]


def objectives(occurred: Iterable[Occurrence]) -> list[ObjectiveView]:
    """Fold objective events, given in order, into one entry a name, by their first delivery."""
    by_name: dict[str | None, list[Delivery]] = {}
    for one in occurred:
        by_name.setdefault(reading.first_text(one.said, "objective_name"), []).append(_delivery(one))
    return [
        ObjectiveView(name=name, status=history[-1].status, values=_fullest(history), history=history)
        for name, history in by_name.items()
    ]


def _delivery(one: Occurrence) -> Delivery:
    return Delivery(
        at=one.event.occurred_at,
        event_id=one.event.event_id,
        status=one.event.event_type.removeprefix(_PREFIX),
        values=reading.mapping(one.said.get("output_variables")),
    )


def _fullest(history: Sequence[Delivery]) -> dict[str, Any]:
    """Join all values, the fullest delivery's before others', of equally full ones the latest first."""
    rising = sorted(history, key=lambda delivery: len(_said(delivery)))
    return {name: value for delivery in rising for name, value in _said(delivery).items()}


def _said(delivery: Delivery) -> dict[str, Any]:
    return {name: value for name, value in delivery.values.items() if value not in (None, "", [], {})}
