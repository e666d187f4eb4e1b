"""Summaries in the events table, and the index that lists them.

pk = <kind>#<subject>    sk = s1
listing: <kind>#<0 to 7>, by first receipt
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from tavus_callbacks.aws.errors import error_code, store_down
from tavus_callbacks.aws.items import read_item, write_item
from tavus_callbacks.aws.stores.events import partition
from tavus_callbacks.aws.stores.index import Index
from tavus_callbacks.aws.stores.readings import confirmed_at
from tavus_callbacks.aws.stores.recordings import OBJECT_CAME
from tavus_callbacks.aws.stores.subject_events import events_in
from tavus_callbacks.aws.stores.tombstones import Tombstones
from tavus_callbacks.domain.common.compression import pack, unpack
from tavus_callbacks.domain.common.errors import StoreDown
from tavus_callbacks.domain.events import feed
from tavus_callbacks.domain.events.stored_event import StoredEvent
from tavus_callbacks.domain.summaries import summary

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from tavus_callbacks.aws.stores.bodies import Bodies

SORT_KEY = "s1"

Item = dict[str, Any]

# Writers of one subject come one after the other from its shard of the stream; a reindex may meet one.
_TRIES = 5

# Pages that a filter may empty before the answer goes out with what there is and a cursor; from the second
# on, so many at least are looked at together: a short page must not be gathered one by one.
_ROUNDS, _LOOK_AHEAD = 4, 50


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a list: before a place (None for the newest), since a time, so many."""

    before: str | None
    since: str
    limit: int


@dataclass(frozen=True, slots=True)
class Listed:
    """A page, and the place where the next one begins, None at the end."""

    page: list[Any]
    following: str | None


@dataclass(frozen=True, slots=True)
class Row:
    """A summary as it is listed; `has_object` tells of a recording's object, where that was asked for."""

    subject: str
    facts: summary.SubjectFacts
    has_object: bool


@dataclass(frozen=True, slots=True)
class Found:
    """What events say of a subject, and when the last of them expires: seconds since 1970, None for never."""

    facts: summary.SubjectFacts
    expires_at: int | None
    told: frozenset[str] = frozenset()


# Given facts and the types of pushes told before, tells what is new and returns all that are told.
Tell = Callable[[summary.SubjectFacts, frozenset[str]], frozenset[str]]


def tell_nobody(_: summary.SubjectFacts, told: frozenset[str]) -> frozenset[str]:
    """Leave things untold."""
    return told


@dataclass(frozen=True, slots=True)
class SummaryRows:
    """The rows of summaries."""

    client: "DynamoDBClient"
    table: str
    tombstones: Tombstones = field(init=False)

    def __post_init__(self) -> None:
        """Look for tombstones in the same table: who was erased is in no list."""
        object.__setattr__(self, "tombstones", Tombstones(self.client, self.table))

    def merge(self, kind: str, subject: str, more: Found, tell: Tell = tell_nobody) -> bool:
        """Merge what events say into a subject's summary; tell whether this made it; raises StoreDown.

        It is told before it is written, so that a crash in between tells it again.
        """

        def merged(before: Item) -> Found:
            facts = summary.merge_facts(kind, facts_text(before) if before else None, more.facts)
            return Found(facts, _last(before, more.expires_at), tell(facts, _told(before)))

        return self._replace(kind, subject, merged)

    def remove(self, kind: str, subject: str) -> None:
        """Remove a subject's summary, whatever it says; raises StoreDown."""
        with store_down():
            self.client.delete_item(TableName=self.table, Key=_key(kind, subject))

    def tell(self, kind: str, subject: str, tell: Tell) -> None:
        """Tell of a subject, if there is a summary of it, and note what was told; raises StoreDown."""

        def told(before: Item) -> Found | None:
            if not before:
                return None
            facts = summary.parse_facts(kind, facts_text(before))
            return Found(facts, expiry_of(before), tell(facts, _told(before)))

        self._replace(kind, subject, told)

    def facts(self, kind: str, subject: str) -> summary.SubjectFacts | None:
        """Return the facts of a subject, or None where nothing is kept of it; raises StoreDown."""
        found = self._get(kind, subject)
        return summary.parse_facts(kind, facts_text(found)) if found else None

    def rebuild(self, kind: str, subject: str, find: Callable[[], Found | None]) -> None:
        """Replace a subject's summary by what is found, or remove it where nothing is; raises StoreDown.

        `find` is called after the summary was read: an event that it does not see yet is merged later than
        that, which changes the revision, so that it is called again.
        """

        def rebuilt(before: Item) -> Found | None:
            found = find()
            return replace(found, told=_told(before)) if found else None

        self._replace(kind, subject, rebuilt)

    def _replace(self, kind: str, subject: str, make: Callable[[Item], Found | None]) -> bool:
        for _ in range(_TRIES):
            before = self._get(kind, subject)
            after, revision = make(before), before.get("revision", 0)
            item = _item(kind, subject, after, revision + 1) if after else None
            if _is_same(before, item) or self._write(kind, subject, item, revision):
                return not before and item is not None
        raise StoreDown("contention over a summary")

    def listed(
        self, kind: str, span: Span, keep: Callable[[Row], Any], *, objects_in: str | None = None
    ) -> Listed:
        """Return what `keep` makes of the newest summaries, leaving out its Nones.

        `objects_in` is the stack's bucket of recordings, if `Row.has_object` is wanted.
        """
        kept: list[Any] = []
        before = span.before
        for number in range(_ROUNDS):
            size = max(span.limit, _LOOK_AHEAD) if number else span.limit
            page = self._page(kind, Span(before, span.since, size), objects_in=objects_in)
            for before, row in page:
                view = row and keep(row)
                kept += [] if view is None else [view]
                if len(kept) == span.limit:
                    return Listed(kept, before)
            if len(page) < size:
                return Listed(kept, None)
        return Listed(kept, before)

    def _page(self, kind: str, span: Span, *, objects_in: str | None) -> list[tuple[str, Row | None]]:
        """Return places and the rows there, newest first; None for one that has gone meanwhile."""
        keys = self.index().newest(
            summary.shards(kind), before=span.before, since=span.since, limit=span.limit
        )
        beside = [{"pk": key["pk"], "sk": OBJECT_CAME} for key in keys if objects_in]
        # In one question: what a hundred keys ask for is one call, whatever they are of.
        items = self.index().items([*keys, *beside])
        came = items[len(keys) :] or [None] * len(keys)
        found = (
            _row(kind, item, has_object=_is_note_of(note, objects_in)) if item else None
            for item, note in zip(items[: len(keys)], came, strict=True)
        )
        return list(zip((key["listed"] for key in keys), found, strict=True))

    def index(self) -> Index:
        """Return the index that lists summaries."""
        return Index(self.client, self.table, "listing", "listing_shard", "listed", self.tombstones)

    def _get(self, kind: str, subject: str) -> Item:
        with store_down():
            found = self.client.get_item(TableName=self.table, Key=_key(kind, subject), ConsistentRead=True)
        return read_item(found.get("Item", {}))

    def _write(self, kind: str, subject: str, item: Item | None, revision: int) -> bool:
        """Put a summary, or delete it where there is none, unless another writer came first."""
        condition: Any = {"TableName": self.table, **_unless_changed(revision)}
        with store_down():
            try:
                if item is None:
                    self.client.delete_item(Key=_key(kind, subject), **condition)
                else:
                    self.client.put_item(Item=write_item(item), **condition)
            except ClientError as error:
                if error_code(error) != "ConditionalCheckFailedException":
                    raise
                return False
        return True


def _key(kind: str, subject: str) -> dict[str, Any]:
    return write_item({"pk": partition(kind, subject), "sk": SORT_KEY})


def _is_note_of(note: Item | None, bucket: str | None) -> bool:
    """Tell whether a note says that an object came into a bucket; an earlier version's note names none."""
    return note is not None and note.get("bucket", bucket) == bucket


def _row(kind: str, item: Item, *, has_object: bool) -> Row:
    return Row(item["subject"], summary.parse_facts(kind, facts_text(item)), has_object)


def _item(kind: str, subject: str, found: Found, revision: int) -> Item:
    pk = partition(kind, subject)
    return {
        "pk": pk,
        "sk": SORT_KEY,
        "type": "summary",
        "kind": kind,
        "subject": subject,
        "facts": _packed(found.facts),
        "revision": revision,
        "listing_shard": feed.shard(summary.shards(kind), pk),
        "listed": feed.receipt(
            found.facts.receipt.received_first_at, hashlib.sha256(pk.encode()).hexdigest()[:32]
        ),
        "expires_at": found.expires_at,
        "told": sorted(found.told) or None,
    }


def _packed(facts: summary.SubjectFacts) -> str | bytes:
    """Write facts as JSON, deflated where that pays: most summaries then are one write unit, not two."""
    text = facts.model_dump_json()
    packed = pack(text.encode())
    return packed.data if packed.encoding == "deflate" else text


def facts_text(item: Mapping[str, Any]) -> str:
    """Return a summary's facts as JSON, however they were written."""
    facts = item["facts"]
    return facts if isinstance(facts, str) else unpack(facts, "deflate").decode()


def _unless_changed(revision: int) -> dict[str, Any]:
    """Demand that a summary is as it was read, one that was not there included."""
    if not revision:
        return {"ConditionExpression": "attribute_not_exists(pk)"}
    values = write_item({":revision": revision})
    return {"ConditionExpression": "revision = :revision", "ExpressionAttributeValues": values}


def _is_same(before: Mapping[str, Any], after: Item | None) -> bool:
    if after is None:
        return not before
    return all(before.get(name) == after[name] for name in ("facts", "expires_at", "told"))


def _told(before: Item) -> frozenset[str]:
    return frozenset(before.get("told", ()))


def _last(before: Item, expires_at: int | None) -> int | None:
    """Return when the last of all events expires: a summary goes with it, not before."""
    if not before:
        return expires_at
    known = before.get("expires_at")
    return None if known is None or expires_at is None else max(int(known), expires_at)


def expiry_of(item: Mapping[str, Any]) -> int | None:
    """Return when an item expires, in seconds since 1970, or None for never."""
    return int(item["expires_at"]) if item.get("expires_at") else None


def found_in(kind: str, items: Sequence[Item], bodies: "Bodies") -> Found | None:
    """Return what the events among a subject's rows say together, or None where there is none."""
    events = events_in(items, bodies)
    if not events:
        return None
    facts = summary.confirmed(summary.facts_from(kind, events), confirmed_at(items))
    return Found(facts, last_expiry(events))


def last_expiry(events: Iterable[StoredEvent]) -> int | None:
    """Return when the last of some events expires, at least one; None where one never does."""
    expiries = [event.expires_at for event in events]
    return None if None in expiries else max(filter(None, expiries))
