"""The facts about videos, replicas and other things with a status, gathered event by event in any order.

Their families share a rule, but not their words: a training ends `ready` by callback and `completed` by REST
(docs/tavus.md, "Faces, videos, documents and others"). A replica's callbacks have no time, so the more final
status counts.
"""

from typing import Literal

from pydantic import Field

from tavus_callbacks.domain.common import lenient_json
from tavus_callbacks.domain.common.timestamps import iso
from tavus_callbacks.domain.common.view import Names, View
from tavus_callbacks.domain.events.arrival_facts import ArrivalFacts, arrival_facts, merge_optional
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

# A resource that is ready after an error was tried again.
_FINALITY: tuple[ResourceStatus, ...] = ("unknown", "queued", "processing", "error", "ready", "deleted")
_FINAL = frozenset(("error", "ready", "deleted"))


class State(View):
    """The status by one event; the greatest `rank` counts."""

    rank: str
    ref: str
    status: ResourceStatus

    def merge(self, other: "State") -> "State":
        """Return the one that counts."""
        return max(self, other, key=lambda state: state.rank)


class ResourceFacts(View):
    """The facts of one or more events of a resource."""

    receipt: ArrivalFacts
    timed: State | None
    untimed: State | None
    # Rows of earlier versions have none.
    statuses: Names = Field(frozenset(), description="Every status that was reported.")

    @property
    def state(self) -> State | None:
        """Return the state that counts: the latest, or a final one without a time if the latest is not."""
        if self.timed is None or self.untimed is None:
            return self.timed or self.untimed
        is_overtaken = self.untimed.status in _FINAL and self.timed.status not in _FINAL
        return self.untimed if is_overtaken else self.timed

    @property
    def status(self) -> ResourceStatus:
        """Return the status that counts."""
        return self.state.status if self.state else "unknown"

    def merge(self, other: "ResourceFacts") -> "ResourceFacts":
        """Return the facts of both together."""
        return ResourceFacts(
            receipt=self.receipt.merge(other.receipt),
            timed=merge_optional(State.merge, self.timed, other.timed),
            untimed=merge_optional(State.merge, self.untimed, other.untimed),
            statuses=self.statuses | other.statuses,
        )


def resource_facts(event: StoredEvent) -> ResourceFacts:
    """Return the facts of one event or variant."""
    state, plausible_at = None, event.plausible_at
    if event.body is not None:
        status = resource_status(lenient_json.text(lenient_json.members(event.body).get("status")))
        at = iso(plausible_at) if plausible_at else ""
        state = State(
            rank=f"{at}|{_FINALITY.index(status)}|{event.event_ref}", ref=event.event_ref, status=status
        )
    return ResourceFacts(
        receipt=arrival_facts(event),
        timed=state if plausible_at else None,
        untimed=None if plausible_at else state,
        statuses=frozenset((state.status,) if state else ()),
    )


def resource_status(raw: str | None) -> ResourceStatus:
    """Return the one word for a status as sent."""
    return _STATUSES.get((raw or "").lower(), "unknown")
