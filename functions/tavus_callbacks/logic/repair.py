"""Filing what Tavus's record of a conversation has and we lack, as its callbacks would have been filed.

What is there already is not written again. The row of the reading comes last: a run that ends before it has
filed events, and the next one finds them there.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from tavus_callbacks.aws.stores.subject_events import events_in, subject_rows
from tavus_callbacks.aws.stores.summaries import Found, found_in
from tavus_callbacks.domain.callbacks.event import event_id
from tavus_callbacks.domain.repair.comparison import Plan, plan

if TYPE_CHECKING:
    from tavus_callbacks.aws.stores.events import EventsTable
    from tavus_callbacks.aws.stores.readings import ReadingRows
    from tavus_callbacks.aws.stores.summaries import SummaryRows
    from tavus_callbacks.domain.callbacks.event import Event
    from tavus_callbacks.domain.repair.tavus_record import Record

_KIND = "conversation"

# Gives the time by which an event is kept; pulling goes by it.
Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Stores:
    """Where events, readings and summaries are."""

    events: "EventsTable"
    readings: "ReadingRows"
    summaries: "SummaryRows"


@dataclass(frozen=True, slots=True)
class Filed:
    """What a reading brought: ids of new events, how many variants, how many entries could not be filed."""

    conversation_id: str
    events: tuple[str, ...]
    variants: int
    unfileable: int
    confirmed: bool
    shows_events: bool
    is_erased: bool = False

    @property
    def outcome(self) -> str:
        """Return what came of it in a word."""
        if self.is_erased:
            return "erased"
        if not self.shows_events:
            return "no events"
        return "filed" if self.events or self.variants else "complete"


def planned(stores: Stores, record: "Record", *, label: str, received_at: datetime) -> Plan:
    """Compare a record with what is kept; raises StoreDown."""
    table = stores.events
    items = subject_rows(table.client, table.name, _KIND, record.conversation_id, consistent=True)
    return plan(record, events_in(items, table.bodies), label=label, received_at=received_at)


def refused(stores: Stores, record: "Record") -> Filed | None:
    """Describe a conversation that was erased, of which nothing is filed nor noted; None for all others."""
    if not stores.events.tombstones.is_there(_KIND, record.conversation_id):
        return None
    return Filed(record.conversation_id, (), 0, 0, confirmed=False, shows_events=False, is_erased=True)


def described(record: "Record", found: Plan) -> Filed:
    """Describe what filing a plan comes to."""
    return Filed(
        conversation_id=record.conversation_id,
        events=tuple(event_id(one.kind, one.subject, one.ref) for one in found.new),
        variants=len(found.variants),
        unfileable=found.unfileable,
        confirmed=found.confirms,
        shows_events=found.shows_events,
    )


def file(stores: Stores, record: "Record", *, label: str, clock: Clock) -> Filed:
    """File what is missing and note the reading; raises StoreDown, after which it can be done again."""
    if erased := refused(stores, record):
        return erased
    found = planned(stores, record, label=label, received_at=clock())
    for event in found.new:
        _keep(stores.events, event, clock)
    for event in found.variants:
        body = stores.events.packed(event)
        stores.events.keep_variant(event, body, kept_at=clock())
    filed = described(record, found)
    stores.readings.note(record.conversation_id, at=clock(), outcome=filed.outcome, confirmed=filed.confirmed)
    if filed.confirmed:
        _sum_up(stores, record.conversation_id)
    return filed


def _keep(events: "EventsTable", event: "Event", clock: Clock) -> None:
    # A large body goes to its bucket before the time is taken: pulling must not have gone past it.
    body = events.packed(event)
    events.keep_packed(event, body, kept_at=clock())


def _sum_up(stores: Stores, conversation_id: str) -> None:
    """Let the summary say that it is confirmed, which no event tells `project`."""

    def find() -> Found | None:
        table = stores.events
        items = subject_rows(table.client, table.name, _KIND, conversation_id, consistent=True)
        return found_in(_KIND, items, table.bodies)

    stores.summaries.rebuild(_KIND, conversation_id, find)
