"""Index entries in the events table: rows beside a subject's summary that list it under each of its terms.

An entry only points: readers get the summary and apply the filter to it. A writer puts the entries of new
terms before the summary that has these terms. So a crash in between repeats the puts, and no stored summary
lacks an entry.

Stacks of earlier versions have summaries without entries. The note `coverage` of a kind names two times, and
a reader looks through the summaries between them:

    first receipt    ──────── until ───────────── since ──────── now
    has entries        yes             perhaps             yes
                       by `reindex`                        by `project`
"""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from tavus_callbacks.aws.stores import keys
from tavus_callbacks.aws.stores.index import END, START, Index
from tavus_callbacks.aws.stores.tombstones import FRESH
from tavus_callbacks.domain.common.digests import digest
from tavus_callbacks.domain.common.timestamps import iso, now
from tavus_callbacks.domain.summaries.summary import SubjectFacts, shards
from tavus_callbacks.domain.summaries.terms import Term, term_digest, term_digests

if TYPE_CHECKING:
    from tavus_callbacks.aws.items import Item

_DAY = 86_400
# After this time no invocation of an earlier version, which writes no entries, is left.
_HANDOVER = timedelta(minutes=5)


class Coverage(NamedTuple):
    """Every subject that was first received before `until`, or at `since` or later, has its entries."""

    until: str = START
    since: str = END

    @property
    def is_complete(self) -> bool:
        """Return whether all subjects have entries."""
        return self.since <= self.until


class Segment(NamedTuple):
    """The part of a list from one time to another, and the partitions of the index that list it."""

    shards: list[str]
    since: str
    until: str


def listing_place(kind: str, subject: str, facts: SubjectFacts) -> str:
    """Return the place of a subject in lists."""
    return keys.receipt(facts.receipt.received_first_at, digest(keys.partition(kind, subject)))


def entry_items(kind: str, subject: str, facts: SubjectFacts, expires_at: int | None) -> "list[Item]":
    """Return the entries of a subject whose summary expires at a time.

    They expire at the end of that day, so that later events of the day leave them unchanged.
    """
    end_of_day = None if expires_at is None else (expires_at // _DAY + 1) * _DAY
    place = listing_place(kind, subject, facts)
    return [
        {
            **keys.entry(kind, subject, name),
            "type": "entry",
            "listing_shard": keys.shard(keys.entry_shards(name), keys.partition(kind, subject)),
            "listed": place,
            "expires_at": end_of_day,
        }
        for name in term_digests(kind, facts)
    ]


class EntryRows:
    """The entries of subjects, and what a runtime knows of their coverage; every method raises StoreDown."""

    def __init__(self, index: Index, clock: Callable[[], datetime] = now) -> None:
        self.index, self.table, self.clock = index, index.table, clock
        self._coverages: dict[str, tuple[Coverage, datetime]] = {}
        self._covered_kinds: set[str] = set()

    def put(self, items: "Iterable[Item]") -> None:
        """Put entries."""
        for item in items:
            self.table.put(item)

    def delete(self, kind: str, subject: str) -> None:
        """Delete every entry of a subject."""
        values = {":pk": keys.partition(kind, subject), ":entries": keys.ENTRY_PREFIX}
        for row in self.table.query("pk = :pk AND begins_with(sk, :entries)", values, ConsistentRead=True):
            self.table.delete({"pk": row["pk"], "sk": row["sk"]})

    def cover(self, kind: str) -> None:
        """Note since when every new subject of a kind has entries, unless that is noted."""
        if kind in self._covered_kinds:
            return
        if "since" not in (self.table.get(keys.entry_coverage(kind)) or {}):
            is_first = not self.index.newest(shards(kind), before=None, limit=1)
            since = START if is_first else iso(self.clock() + _HANDOVER)
            self._note(kind, "since", since, "attribute_not_exists(#since)")
        self._covered_kinds.add(kind)

    def cover_until(self, kind: str, moment: datetime) -> None:
        """Note that every subject of a kind that was first received before a time has its entries."""
        self._note(kind, "until", iso(moment))

    def coverage(self, kind: str) -> Coverage:
        """Return which subjects of a kind have entries, up to a minute late; that number only grows."""
        at = self.clock()
        coverage, looked_at = self._coverages.get(kind, (Coverage(), None))
        if not coverage.is_complete and (looked_at is None or at - looked_at >= FRESH):
            row = self.table.get(keys.entry_coverage(kind)) or {}
            coverage = Coverage(row.get("until", START), row.get("since", END))
            self._coverages[kind] = coverage, at
        return coverage

    def segments(self, kind: str, term: Term) -> list[Segment]:
        """Return the segments of the list of a term, the newest first."""
        entries, until, since = keys.entry_shards(term_digest(kind, term)), *self.coverage(kind)
        if since <= until:
            return [Segment(entries, START, END)]
        segments = (
            Segment(entries, since, END),
            Segment(shards(kind), until, since),
            Segment(entries, START, until),
        )
        return [segment for segment in segments if segment.since < segment.until]

    def _note(self, kind: str, name: str, value: str, condition: str | None = None) -> None:
        self.table.update(keys.entry_coverage(kind), {"type": "coverage", name: value}, condition)
