"""Pages of stored rows: a subject's events, all events in order of receipt, quarantine."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, TypeVar

from tavus_callbacks.aws.items import Item, is_expired, write_item
from tavus_callbacks.aws.stores import keys
from tavus_callbacks.aws.stores.index import Index
from tavus_callbacks.aws.stores.pull import Pulled, pull
from tavus_callbacks.aws.stores.tombstones import Tombstones
from tavus_callbacks.aws.table import Table
from tavus_callbacks.domain.callbacks.families import is_name
from tavus_callbacks.domain.common.issues import TOO_MANY_PARTS
from tavus_callbacks.domain.events.event_filter import EventFilter
from tavus_callbacks.domain.events.stored_event import StoredEvent
from tavus_callbacks.domain.events.view import LIST_BODY_LIMIT

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from tavus_callbacks.aws.stores.bodies import Bodies
    from tavus_callbacks.domain.events.feed import Position

T = TypeVar("T")

# Bytes of bodies after which a page ends. With one more body of LIST_BODY_LIMIT they always fit into Lambda's
# answer of 6 MB: a byte that is not text becomes `\ufffd`, whose backslash Lambda escapes again, 7 bytes.
PAGE_BYTES = 512 * 1024

# After _ROUNDS times _LOOK_AHEAD events a filtered list answers what it has. A round queries each shard.
_ROUNDS, _LOOK_AHEAD = 4, 200

# An event and its body as stored; None if the body is too large for a list.
Entry = tuple[StoredEvent, bytes | None]


@dataclass(frozen=True, slots=True)
class Page:
    """Some events, each a list of its entry and its variants' entries, and where the next page begins."""

    events: list[list[Entry]]
    next_after: str | None


@dataclass(frozen=True, slots=True)
class NewestPage:
    """Some events, and the receipt where the next page begins, None at the end."""

    entries: list[Entry]
    next_before: str | None


class EventPages:
    """The events table as `read` queries it; nothing of an erased subject is read."""

    def __init__(self, client: "DynamoDBClient", table: str, bodies: "Bodies") -> None:
        self.table, self.bodies = Table(client, table), bodies
        self.tombstones = Tombstones(client, table)
        self.index = Index(self.table, "receipts", "receipt_shard", "receipt", self.tombstones)

    def list_subject(self, kind: str, subject: str, *, limit: int, after: str | None) -> Page:
        """Return a subject's events by time, those without a time last; `after` is a reference."""
        if not self._can_exist(kind, subject):
            return Page([], None)
        start = {"ExclusiveStartKey": write_item(keys.event(kind, subject, after))} if after else {}
        values = {":pk": keys.partition(kind, subject), ":events": keys.EVENT_PREFIX}
        rows = self.table.query("pk = :pk AND begins_with(sk, :events)", values, **start)
        rows_of_events = ((StoredEvent.from_row(row), row) for row in rows if not is_expired(row))
        events: list[list[Entry]] = []
        size = 0
        for _, variants in groupby(rows_of_events, key=lambda pair: pair[0].event_ref):
            if len(events) == limit or size > PAGE_BYTES:
                return Page(events, events[-1][-1][0].ref)
            events.append(self._variant_entries(variants))
            size += sum(len(body or b"") for _, body in events[-1])
        return Page(events, None)

    def pull(self, position: "Position", filter_: EventFilter, limit: int) -> Pulled[Entry]:
        """Return the matching ones of the next `limit` events in order of receipt, variants among them."""

        def read(places: list[Item]) -> list[Entry | None]:
            return _until_full(self._entries(filter_, places))

        return pull(self.index, keys.EVENT_SHARDS, position, limit, read)

    def list_newest(self, filter_: EventFilter, *, limit: int, before: str | None) -> NewestPage:
        """Return matching events, the newest first by receipt; `before` is a receipt or a time."""
        entries: list[Entry] = []
        size, count = 0, limit if filter_ == EventFilter() else _LOOK_AHEAD
        for _ in range(_ROUNDS):
            places = self.index.newest(keys.EVENT_SHARDS, before=before, limit=count)
            for place, entry in zip(places, self._entries(filter_, places), strict=True):
                before = place["receipt"]
                if entry:
                    entries.append(entry)
                    size += len(entry[1] or b"")
                if len(entries) == limit or size > PAGE_BYTES:
                    return NewestPage(entries, before)
            if len(places) < count:
                return NewestPage(entries, None)
        return NewestPage(entries, before)

    def list_quarantine(
        self, *, limit: int, before: str | None
    ) -> tuple[list[tuple[Item, bytes | None]], str | None]:
        """Return rows and bodies, newest first by first receipt; `before` is the receipt to go on from."""
        index_keys = self.index.newest(keys.QUARANTINE_SHARDS, before=before, limit=limit + 1)
        items = self.index.items(index_keys[:limit])
        rows = _until_full((row, self._inline_body(row)) if row else None for row in items)
        has_more = len(index_keys) > len(rows) > 0
        return list(filter(None, rows)), index_keys[len(rows) - 1]["receipt"] if has_more else None

    def quarantine_row(self, quarantine_id: str) -> Item | None:
        """Return the row of an entry in quarantine, or None."""
        if not is_name(quarantine_id):
            return None
        return self.table.get(keys.quarantine(quarantine_id))

    def event_row(self, kind: str, subject: str, ref: str) -> Item | None:
        """Return the row of an event, or None."""
        if not self._can_exist(kind, subject):
            return None
        return self.table.get(keys.event(kind, subject, ref))

    def _can_exist(self, kind: str, subject: str) -> bool:
        """Return whether there may be such a subject; DynamoDB refuses to look up a key over 2 KB."""
        return is_name(kind) and is_name(subject) and not self.tombstones.has(kind, subject)

    def _inline_body(self, row: Item) -> bytes | None:
        is_inline = row["body_size"] <= LIST_BODY_LIMIT and TOO_MANY_PARTS not in row.get("issues", ())
        return self.bodies.read(row) if is_inline else None

    def _variant_entries(self, variants: Iterable[tuple[StoredEvent, Item]]) -> list[Entry]:
        """Read an event and its variants; beyond a page, further variants have no body."""
        entries: list[Entry] = []
        size = 0
        for event, row in variants:
            body = self._inline_body(row) if size <= PAGE_BYTES else None
            entries.append((event, body))
            size += len(body or b"")
        return entries

    def _entries(self, filter_: EventFilter, places: list[Item]) -> Iterator[Entry | None]:
        """Yield the event at each place, None if it is gone or does not match; bodies are read one by one."""
        # The key names the kind, so rows of other kinds are not read.
        prefix = keys.partition(filter_.kind, "") if filter_.kind else ""
        wanted = [place for place in places if place["pk"].startswith(prefix)]
        rows = dict(zip((place["receipt"] for place in wanted), self.index.items(wanted), strict=True))
        for place in places:
            row = rows.get(place["receipt"])
            event = StoredEvent.from_row(row) if row else None
            yield (event, self._inline_body(row)) if row and event and filter_.matches(event) else None


def _until_full(entries: Iterable[tuple[T, bytes | None] | None]) -> list[tuple[T, bytes | None] | None]:
    """Take entries until a page is full; it has at least one, so that reading always goes on."""
    page: list[tuple[T, bytes | None] | None] = []
    size = 0
    for entry in entries:
        page.append(entry)
        size += len(entry[1] or b"") if entry else 0
        if size > PAGE_BYTES:
            break
    return page
