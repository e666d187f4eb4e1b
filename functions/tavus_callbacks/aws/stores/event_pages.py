"""Pages of stored rows: a subject's events, all events in order of receipt, quarantine."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING

from tavus_callbacks.aws.items import Item, is_expired, write_item
from tavus_callbacks.aws.stores import keys
from tavus_callbacks.aws.stores.index import Index
from tavus_callbacks.aws.stores.tombstones import Tombstones
from tavus_callbacks.aws.table import Table
from tavus_callbacks.domain.callbacks.families import is_name
from tavus_callbacks.domain.common.issues import TOO_MANY_PARTS
from tavus_callbacks.domain.events import feed
from tavus_callbacks.domain.events.stored_event import StoredEvent
from tavus_callbacks.domain.events.view import LIST_BODY_LIMIT

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from tavus_callbacks.aws.stores.bodies import Bodies

# Bytes of bodies after which a page ends. With one more body of LIST_BODY_LIMIT they always fit into Lambda's
# answer of 6 MB: a byte that is not text becomes `\ufffd`, whose backslash Lambda escapes again, 7 bytes.
PAGE_BYTES = 512 * 1024

# An event and its body as stored; None if the body is too large to stand in a list.
Entry = tuple[StoredEvent, bytes | None]


@dataclass(frozen=True, slots=True)
class Page:
    """Some events, each a list of its entry and its variants' entries, and where the next page begins."""

    events: list[list[Entry]]
    next_after: str | None


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

    def pull(self, position: feed.Position, limit: int) -> tuple[list[Entry], feed.Position]:
        """Return the next events in order of receipt, variants among them, and the position after them."""
        now = datetime.now(UTC)
        most = feed.read_limit(position, limit)
        index_keys = self.index.oldest(keys.EVENT_SHARDS, after=position.settled, limit=most)
        by_receipt = {key["receipt"]: key for key in index_keys}
        position, visible = feed.make_room(position, list(by_receipt), now=now)
        page = feed.next_page(position, visible, limit, now=now)
        rows = self._read_page(self.index.items(by_receipt[receipt] for receipt in page))
        after = feed.advance(position, visible, page[: len(rows)], now=now)
        return [(StoredEvent.from_row(row), body) for row, body in filter(None, rows)], after

    def list_quarantine(
        self, *, limit: int, before: str | None
    ) -> tuple[list[tuple[Item, bytes | None]], str | None]:
        """Return rows and bodies, newest first by first receipt; `before` is the receipt to go on from."""
        index_keys = self.index.newest(keys.QUARANTINE_SHARDS, before=before, limit=limit + 1)
        rows = self._read_page(self.index.items(index_keys[:limit]))
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

    def _read_page(self, rows: Iterable[Item | None]) -> list[tuple[Item, bytes | None] | None]:
        """Read bodies until a page is full; it has at least one row, so that reading always goes on."""
        entries: list[tuple[Item, bytes | None] | None] = []
        size = 0
        for row in rows:
            if size > PAGE_BYTES:
                break
            body = self._inline_body(row) if row else None
            entries.append((row, body) if row else None)
            size += len(body or b"")
        return entries
