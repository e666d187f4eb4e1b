"""Summaries in the events table, and the index `listing`, which lists them by their first receipt."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tavus_callbacks.aws.items import Item
from tavus_callbacks.aws.stores import keys
from tavus_callbacks.aws.stores.entries import EntryRows, Segment, listing_place
from tavus_callbacks.aws.stores.index import END, START, Index
from tavus_callbacks.aws.stores.tombstones import Tombstones
from tavus_callbacks.aws.table import Table
from tavus_callbacks.domain.summaries.summary import SubjectFacts, pack_facts, parse_facts, shards

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from tavus_callbacks.domain.summaries.terms import Term

# A filter may leave nothing of a page. After _ROUNDS pages the answer has what there is and a cursor. From
# the second page on, at least _LOOK_AHEAD rows are read at once: short pages would take too many reads.
_ROUNDS, _LOOK_AHEAD = 4, 50


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a list: before a place (None for the newest), since a time, at most `limit`."""

    before: str | None
    since: str
    limit: int


@dataclass(frozen=True, slots=True)
class SummaryPage:
    """A page of a list, and the place where the next one begins, None at the end."""

    views: list[Any]
    following: str | None


@dataclass(frozen=True, slots=True)
class ListedSummary:
    """A summary in a list.

    `has_object` says whether a recording's object came, and `object_ids` are the ids of all that came in any
    bucket, if that was asked for.
    """

    subject: str
    facts: SubjectFacts
    has_object: bool
    object_ids: frozenset[str]

    @classmethod
    def from_rows(cls, row: Item, note: Item | None, objects_in: str | None) -> "ListedSummary":
        """Read the row of a summary and the note of objects; raises ValueError if it cannot read the facts.

        A note that an earlier version wrote names no bucket, or no recordings.
        """
        has_object = note is not None and note.get("bucket", objects_in) == objects_in
        object_ids = note.get("recording_ids", frozenset()) if note else frozenset()
        return cls(row["subject"], parse_facts(row["kind"], row["facts"]), has_object, object_ids)


@dataclass(frozen=True, slots=True)
class SummaryUpdate:
    """The facts of a subject, and when the last of its events expires: seconds since 1970, None for never.

    `is_rebuilt` says that it comes from all events, and that an earlier version may have written the summary.
    """

    facts: SubjectFacts
    expires_at: int | None
    is_rebuilt: bool = False


@dataclass(frozen=True)
class StoredSummary:
    """A summary as it is stored. `published` are the types of its pushes that were published before."""

    kind: str
    packed_facts: str | bytes
    expires_at: int | None
    published: frozenset[str]
    revision: int

    @classmethod
    def from_row(cls, row: Item) -> "StoredSummary":
        """Read a row, but parse its facts only when `update` is read: a rebuild does not need them."""
        expires_at = int(row["expires_at"]) if row.get("expires_at") else None
        published = frozenset(row.get("told", ()))
        return cls(row["kind"], row["facts"], expires_at, published, int(row["revision"]))

    @cached_property
    def update(self) -> SummaryUpdate:
        """Its facts and its expiry; raises ValueError if it cannot read the facts."""
        return SummaryUpdate(parse_facts(self.kind, self.packed_facts), self.expires_at)


class SummaryRows:
    """The rows of summaries."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self.table = Table(client, table)
        # An erased subject is in no list.
        self.tombstones = Tombstones(client, table)
        self.index = Index(self.table, "listing", "listing_shard", "listed", self.tombstones)
        self.entries = EntryRows(self.index)

    def get(self, kind: str, subject: str) -> StoredSummary | None:
        """Return a subject's summary, None if there is no such row; raises StoreDown."""
        row = self.table.get(keys.summary(kind, subject), consistent=True)
        return StoredSummary.from_row(row) if row else None

    def put_if_unchanged(
        self,
        kind: str,
        subject: str,
        update: SummaryUpdate,
        published: frozenset[str],
        *,
        stored: StoredSummary | None,
    ) -> bool:
        """Put a summary unless another writer changed it after `stored` was read; raises StoreDown.

        Returns False if another writer did. Writes nothing if `stored` says the same.
        """
        revision = stored.revision if stored else 0
        after = StoredSummary(kind, pack_facts(update.facts), update.expires_at, published, revision)
        if after == stored:
            return True
        key = keys.summary(kind, subject)
        item = {
            **key,
            "type": "summary",
            "kind": kind,
            "subject": subject,
            "facts": after.packed_facts,
            "revision": revision + 1,
            "listing_shard": keys.shard(shards(kind), key["pk"]),
            "listed": listing_place(kind, subject, update.facts),
            "expires_at": update.expires_at,
            "told": sorted(published) or None,
        }
        return self.table.put(item, *_has_revision(revision))

    def delete_if_unchanged(self, kind: str, subject: str, stored: StoredSummary) -> bool:
        """Delete a summary; returns False if another writer changed it after `stored` was read.

        Raises StoreDown.
        """
        return self.table.delete(keys.summary(kind, subject), *_has_revision(stored.revision))

    def delete(self, kind: str, subject: str) -> None:
        """Delete a subject's summary and index entries in any case; raises StoreDown."""
        self.entries.delete(kind, subject)
        self.table.delete(keys.summary(kind, subject))

    def list_summaries(
        self,
        kind: str,
        span: Span,
        describe: Callable[[ListedSummary], Any],
        *,
        objects_in: str | None = None,
        term: "Term | None" = None,
    ) -> SummaryPage:
        """Return what `describe` makes of the newest summaries, leaving out its Nones; raises StoreDown.

        `objects_in` is the stack's bucket of recordings, if `ListedSummary.has_object` is wanted. With a
        term, most other summaries are not read; `describe` decides about those that are.
        """
        segments = self.entries.segments(kind, term) if term else [Segment(shards(kind), START, END)]
        views: list[Any] = []
        before, rounds = span.before, 0
        for segment in segments:
            is_whole = (before or END) <= segment.since
            while not is_whole:
                if rounds == _ROUNDS:
                    return SummaryPage(views, before)
                size = max(span.limit, _LOOK_AHEAD) if rounds else span.limit
                rounds += 1
                page = self._page(segment, Span(before, span.since, size), objects_in)
                for before, summary in page:
                    view = summary and describe(summary)
                    views += [] if view is None else [view]
                    if len(views) == span.limit:
                        return SummaryPage(views, before)
                is_whole = len(page) < size
        return SummaryPage(views, None)

    def get_listed(
        self, kind: str, subjects: Iterable[str], *, objects_in: str | None = None
    ) -> list[ListedSummary]:
        """Return the summaries of subjects as lists have them, in their order; raises StoreDown.

        Subjects without a summary and erased ones are left out.
        """
        summary_keys = [keys.summary(kind, subject) for subject in subjects]
        return list(filter(None, self._read(summary_keys, objects_in)))

    def _page(
        self, segment: Segment, span: Span, objects_in: str | None
    ) -> list[tuple[str, ListedSummary | None]]:
        """Return places and the summaries there, newest first; None for one that is gone by now."""
        before, since = min(span.before or END, segment.until), max(span.since, segment.since)
        places = self.index.newest(segment.shards, before=before, since=since, limit=span.limit)
        summary_keys = [{"pk": place["pk"], "sk": keys.SUMMARY} for place in places]
        summaries = self._read(summary_keys, objects_in)
        return [(place["listed"], summary) for place, summary in zip(places, summaries, strict=True)]

    def _read(self, summary_keys: Sequence[Item], objects_in: str | None) -> list[ListedSummary | None]:
        """Return the summaries of keys, in their order; None for one that is gone or erased."""
        note_keys = [{"pk": key["pk"], "sk": keys.OBJECT_CAME} for key in summary_keys if objects_in]
        # In one request: a hundred keys cost one call, whatever rows they name.
        items = self.index.items([*summary_keys, *note_keys])
        notes = items[len(summary_keys) :] or [None] * len(summary_keys)
        return [
            ListedSummary.from_rows(item, note, objects_in) if item else None
            for item, note in zip(items, notes, strict=False)
        ]


def _has_revision(revision: int) -> tuple[str, Item | None]:
    """Return the condition that a row has a revision; 0 stands for a row that does not exist."""
    if not revision:
        return "attribute_not_exists(pk)", None
    return "revision = :revision", {":revision": revision}
