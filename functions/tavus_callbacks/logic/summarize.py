"""Keep the summary of a subject, and publish what a change of it means.

    get the summary ─► find its update ─► publish ─► put new index entries ─► put it, if its revision is
           ▲                                                                  unchanged
           └──────────────────── another writer was faster ─────────────────────┘  five times at most

Pushes and index entries go out before the summary is written. After a crash in between they go out again,
under the same ids and keys.
An update is found after the summary was read. So an event that a rebuild does not see is merged later, which
changes the revision, and the rebuild starts again (decision 0021).
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from tavus_callbacks.aws.stores.entries import entry_items
from tavus_callbacks.aws.stores.repair_attempts import confirmed_at
from tavus_callbacks.aws.stores.subject_events import events_in, subject_rows
from tavus_callbacks.aws.stores.summaries import StoredSummary, SummaryRows, SummaryUpdate
from tavus_callbacks.domain.common.errors import StoreDown
from tavus_callbacks.domain.events.stored_event import StoredEvent
from tavus_callbacks.domain.pushes.derived import published_types
from tavus_callbacks.domain.summaries.summary import confirm, facts_from

if TYPE_CHECKING:
    from tavus_callbacks.aws.items import Item
    from tavus_callbacks.aws.stores.bodies import Bodies
    from tavus_callbacks.logic.publish import Publisher

# The records of one subject come one after the other from its shard of the stream, so writers rarely meet.
_TRIES = 5

# Returns a subject's update from its summary, or None if it is to have no summary.
FindUpdate = Callable[[StoredSummary | None], SummaryUpdate | None]


def summarize(
    summaries: SummaryRows,
    kind: str,
    subject: str,
    find_update: FindUpdate,
    publisher: "Publisher | None" = None,
) -> bool:
    """Update a subject's summary and publish news; returns True if this made the summary.

    Raises StoreDown if a store or the bus is down, or if other writers were faster each time.
    """
    sent: set[str] = set()
    for number in range(_TRIES):
        stored = summaries.get(kind, subject)
        update = find_update(stored)
        if update is None:
            if stored is None or summaries.delete_if_unchanged(kind, subject, stored):
                summaries.entries.delete(kind, subject)
                return False
            continue
        published = _stored_types(stored)
        if publisher:
            pushes, types = publisher.work_out_pushes(kind, subject, update.facts, published)
            # The loop may run again because of another writer: the bus has these pushes already.
            publisher.bus.put(push for push in pushes if push.push_id not in sent)
            sent.update(push.push_id for push in pushes)
            published |= types
        # If another writer moved the subject after the first try, its entries are at the old place.
        before = stored.update if stored and not (update.is_rebuilt or number) else None
        there = _entries(kind, subject, before) if before else []
        summaries.entries.put(item for item in _entries(kind, subject, update) if item not in there)
        if summaries.put_if_unchanged(kind, subject, update, published, stored=stored):
            return stored is None
    raise StoreDown("contention over a summary")


def _stored_types(stored: StoredSummary | None) -> frozenset[str]:
    """Return the types that a summary says were published, before its facts change."""
    if stored is None:
        return frozenset()
    try:
        return published_types(stored.published, stored.update.facts)
    except ValueError:
        # Only a rebuild gets here: it replaces facts that this version cannot read.
        return stored.published


def _entries(kind: str, subject: str, update: SummaryUpdate) -> "list[Item]":
    return entry_items(kind, subject, update.facts, update.expires_at)


def merge_update(stored: StoredSummary | None, more: SummaryUpdate) -> SummaryUpdate:
    """Merge more facts into a summary. It expires with the last of its events, not before."""
    if stored is None:
        return more
    before = stored.update
    facts = before.facts.merge(more.facts)  # type: ignore[arg-type]  # one kind, one class
    return SummaryUpdate(facts, _latest([before.expires_at, more.expires_at]))


def keep_facts(stored: StoredSummary | None) -> SummaryUpdate | None:
    """Return what a summary says already: for pushes that follow from time alone."""
    return stored.update if stored else None


def rebuild(summaries: SummaryRows, kind: str, subject: str, bodies: "Bodies") -> None:
    """Replace a subject's summary by what its events say; without events, or if erased, delete it.

    Puts every index entry again, because a summary of an earlier version has none. Raises StoreDown.
    """
    table = summaries.table

    def read_update(_: StoredSummary | None) -> SummaryUpdate | None:
        if summaries.tombstones.is_erased(kind, subject):
            return None
        items = subject_rows(table, kind, subject, consistent=True)
        return sum_up(kind, items, bodies)

    summarize(summaries, kind, subject, read_update)


def sum_up(kind: str, items: "Sequence[Item]", bodies: "Bodies") -> SummaryUpdate | None:
    """Return the summary of the events among a subject's rows, or None without events."""
    events = events_in(items, bodies)
    if not events:
        return None
    update = update_from(kind, events)
    return replace(update, facts=confirm(update.facts, confirmed_at(items)), is_rebuilt=True)


def update_from(kind: str, events: Sequence[StoredEvent]) -> SummaryUpdate:
    """Return what at least one event of a subject says."""
    return SummaryUpdate(facts_from(kind, events), _latest([event.expires_at for event in events]))


def _latest(expiries: Sequence[int | None]) -> int | None:
    return None if None in expiries else max(filter(None, expiries))
