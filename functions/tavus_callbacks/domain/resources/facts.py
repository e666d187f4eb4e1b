"""The state of videos, replicas and other things with a status, gathered event by event in any order.

Their families share a rule, not a vocabulary: a training ends `ready` by callback and `completed` by REST
(docs/tavus.md, "Faces, videos, documents and others"). A replica's callbacks have no time, so the more
final status counts.
"""

from typing import Literal

from pydantic import Field

from tavus_callbacks.domain.common import lenient_json
from tavus_callbacks.domain.common.timestamps import iso
from tavus_callbacks.domain.common.view import Names, View
from tavus_callbacks.domain.events.arrival_facts import ReceiptFacts, either, receipt_of
from tavus_callbacks.domain.events.stored_event import StoredEvent

ResourceStatus = Literal["queued", "processing", "error", "ready", "deleted", "unknown"]

_STATUSES: dict[str, ResourceStatus] = {
    **dict.fromkeys(("queued", "pending"), "queued"),
    **dict.fromkeys(
        ("started", "processing", "generating", "training", "in_progress", "recrawling"), "processing"
    ),
    **dict.fromkeys(("ready", "completed", "complete", "success"), "ready"),
    **dict.fromkeys(("error", "failed"), "error"),
    "deleted": "deleted",
}

# What is ready after an error was tried again.
_FINALITY: tuple[ResourceStatus, ...] = ("unknown", "queued", "processing", "error", "ready", "deleted")
_FINAL = frozenset(("error", "ready", "deleted"))


class State(View):
    """What one event says; the greatest `rank` counts."""

    rank: str
    ref: str
    status: ResourceStatus

    def merge(self, other: "State") -> "State":
        """Return the one that counts."""
        return max(self, other, key=lambda state: state.rank)


class ResourceFacts(View):
    """What one or more events of a resource say."""

    receipt: ReceiptFacts
    timed: State | None
    untimed: State | None
    # Rows of before it was kept have none.
    statuses: Names = Field(frozenset(), description="All that were ever reported.")

    @property
    def state(self) -> State | None:
        """Return what counts: the latest, or something final without a time where that is not."""
        if self.timed is None or self.untimed is None:
            return self.timed or self.untimed
        is_overtaken = self.untimed.status in _FINAL and self.timed.status not in _FINAL
        return self.untimed if is_overtaken else self.timed

    @property
    def status(self) -> ResourceStatus:
        """Return the status."""
        return self.state.status if self.state else "unknown"

    def merge(self, other: "ResourceFacts") -> "ResourceFacts":
        """Return what both say together."""
        return ResourceFacts(
            receipt=self.receipt.merge(other.receipt),
            timed=either(State.merge, self.timed, other.timed),
            untimed=either(State.merge, self.untimed, other.untimed),
            statuses=self.statuses | other.statuses,
        )


def resource_facts_of(event: StoredEvent) -> ResourceFacts:
    """Return what one event or variant says."""
    state = _state(event)
    is_timed = event.plausible_at is not None
    return ResourceFacts(
        receipt=receipt_of(event),
        timed=state if is_timed else None,
        untimed=None if is_timed else state,
        statuses=frozenset((state.status,) if state else ()),
    )


def _state(event: StoredEvent) -> State | None:
    if event.body is None:
        return None
    status = status_of(lenient_json.text(lenient_json.members(event.body).get("status")))
    at = iso(event.plausible_at) if event.plausible_at else ""
    return State(rank=f"{at}|{_FINALITY.index(status)}|{event.event_ref}", ref=event.event_ref, status=status)


def status_of(raw: str | None) -> ResourceStatus:
    """Return the one word for a status as sent."""
    return _STATUSES.get((raw or "").lower(), "unknown")
