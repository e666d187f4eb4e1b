"""Store the events that Tavus's record of a conversation has and the stack lacks.

They are stored as their callbacks would have been. An event that is there is not written again. The outcome
is noted last: a run that stops before it has stored events, and the next one finds them there.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from tavus_callbacks.aws.stores.subject_events import events_in, subject_rows
from tavus_callbacks.domain.repair.comparison import compare
from tavus_callbacks.logic.summarize import rebuild

if TYPE_CHECKING:
    from tavus_callbacks.aws.stores.events import EventsTable
    from tavus_callbacks.aws.stores.repair_attempts import AttemptRows
    from tavus_callbacks.aws.stores.summaries import SummaryRows
    from tavus_callbacks.domain.repair.tavus_record import TavusRecord

_KIND = "conversation"

# Returns the time at which an event is stored; events are pulled in the order of these times.
Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Stores:
    """The stores of events, attempts and summaries."""

    events: "EventsTable"
    attempts: "AttemptRows"
    summaries: "SummaryRows"


@dataclass(frozen=True, slots=True)
class Repair:
    """The result of a record: ids of new events, the number of variants and of entries that do not fit."""

    conversation_id: str
    events: tuple[str, ...] = ()
    variants: int = 0
    unfileable: int = 0
    confirmed: bool = False
    shows_events: bool = False
    is_erased: bool = False

    @property
    def outcome(self) -> str:
        """Return the outcome as a word."""
        if self.is_erased:
            return "erased"
        if not self.shows_events:
            return "no events"
        return "filed" if self.events or self.variants else "complete"


def repair_conversation(
    stores: Stores, record: "TavusRecord", *, label: str, clock: Clock, dry_run: bool = False
) -> Repair:
    """Store the missing events and the outcome; a dry run only reports them.

    Stores and notes nothing about an erased conversation. Raises StoreDown; then you can repeat it.
    """
    conversation_id, table = record.conversation_id, stores.events
    if table.tombstones.is_erased(_KIND, conversation_id):
        return Repair(conversation_id, is_erased=True)
    items = subject_rows(table.tombstones.table, _KIND, conversation_id, consistent=True)
    plan = compare(record, events_in(items, table.bodies), label=label, received_at=clock())
    repair = Repair(
        conversation_id=conversation_id,
        events=tuple(event.event_id for event in plan.new),
        variants=len(plan.variants),
        unfileable=plan.unfileable,
        confirmed=plan.confirms,
        shows_events=plan.shows_events,
    )
    if dry_run:
        return repair
    # A large body goes to its bucket before the time is taken: else a reader who pulls could be past it.
    for event in plan.new:
        body = table.body_attributes(event)
        table.keep_with_body(event, body, kept_at=clock())
    for event in plan.variants:
        body = table.body_attributes(event)
        table.keep_variant(event, body, kept_at=clock())
    stores.attempts.note(conversation_id, at=clock(), outcome=repair.outcome, confirmed=repair.confirmed)
    if repair.confirmed:
        # No event informs `project` that a conversation is confirmed.
        rebuild(stores.summaries, _KIND, conversation_id, table.bodies)
    return repair
