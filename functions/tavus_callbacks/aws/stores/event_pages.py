"""Pages of what is kept: a subject's events, all events in order of receipt, quarantine."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tavus_callbacks.aws.errors import store_down
from tavus_callbacks.aws.items import is_expired, read_item, write_item
from tavus_callbacks.aws.stores import quarantine
from tavus_callbacks.aws.stores.events import partition, sort_key
from tavus_callbacks.aws.stores.index import Index
from tavus_callbacks.aws.stores.tombstones import Tombstones
from tavus_callbacks.domain.callbacks.families import is_name
from tavus_callbacks.domain.common.issues import TOO_MANY_PARTS
from tavus_callbacks.domain.events import feed
from tavus_callbacks.domain.events.view import INLINE_LIMIT, with_variants

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from tavus_callbacks.aws.stores.bodies import Bodies

# Bytes of bodies after which a page ends. With one more body of INLINE_LIMIT they fit into Lambda's answer of
# 6 MB at the worst: a byte that is no text becomes `\ufffd`, whose backslash Lambda escapes again, 7 bytes.
PAGE_BYTES = 512 * 1024

Item = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """An item and its body; None where the body is too large to stand in a list."""

    item: Item
    body: bytes | None


@dataclass(frozen=True, slots=True)
class Page:
    """Some events, each an entry with its variants behind it, and where the next page begins."""

    events: list[list[Entry]]
    next_after: str | None


def _can_be_kept(kind: str, subject: str) -> bool:
    """Tell whether there can be such a subject; DynamoDB refuses a key over 2 KB even to look."""
    return is_name(kind) and is_name(subject)


@dataclass(frozen=True, slots=True)
class EventPages:
    """The events table as `read` asks it."""

    client: "DynamoDBClient"
    table: str
    bodies: "Bodies"
    tombstones: Tombstones = field(init=False)

    def __post_init__(self) -> None:
        """Look for tombstones in the same table: of who was erased nothing is read."""
        object.__setattr__(self, "tombstones", Tombstones(self.client, self.table))

    def of_subject(self, kind: str, subject: str, *, limit: int, after: str | None) -> Page:
        """Return a subject's events by time, those without a time last; `after` is a reference."""
        if not self._can_be_there(kind, subject):
            return Page([], None)
        groups = with_variants(self._subject_items(partition(kind, subject), after))
        events: list[list[Entry]] = []
        size = 0
        for group in groups:
            if len(events) == limit or size > PAGE_BYTES:
                return Page(events, events[-1][-1].item["ref"])
            events.append(self._group(group))
            size += sum(len(entry.body or b"") for entry in events[-1])
        return Page(events, None)

    def received(self, position: feed.Position, limit: int) -> tuple[list[Entry], feed.Position]:
        """Return the next events in order of receipt, variants among them, and the position after them."""
        now = datetime.now(UTC)
        most = feed.most(position, limit)
        keys = self._index().oldest(feed.event_shards(), after=position.settled, limit=most)
        by_receipt = {key["receipt"]: key for key in keys}
        position, visible = feed.settled(position, list(by_receipt), now=now)
        page = feed.fresh(position, visible, limit, now=now)
        entries = self._within_page(self._index().items(by_receipt[one] for one in page))
        after = feed.advanced(position, visible, page[: len(entries)], now=now)
        return [entry for entry in entries if entry], after

    def quarantined(self, *, limit: int, before: str | None) -> tuple[list[Entry], str | None]:
        """Return entries, newest first by first receipt; `before` is the receipt to go on from."""
        keys = self._index().newest(feed.quarantine_shards(), before=before, limit=limit + 1)
        entries = self._within_page(self._index().items(keys[:limit]))
        more = len(keys) > len(entries) > 0
        return [entry for entry in entries if entry], keys[len(entries) - 1]["receipt"] if more else None

    def quarantine_entry(self, quarantine_id: str) -> Item | None:
        """Return the item of an entry in quarantine, or None."""
        if not is_name(quarantine_id):
            return None
        return self._item(quarantine.partition(quarantine_id), quarantine.ENTRY)

    def one(self, kind: str, subject: str, ref: str) -> Item | None:
        """Return an event's item, or None."""
        if not self._can_be_there(kind, subject):
            return None
        return self._item(partition(kind, subject), sort_key(ref))

    def _item(self, pk: str, sk: str) -> Item | None:
        key = write_item({"pk": pk, "sk": sk})
        with store_down():
            found = self.client.get_item(TableName=self.table, Key=key)
        return read_item(found["Item"]) if "Item" in found else None

    def _can_be_there(self, kind: str, subject: str) -> bool:
        return _can_be_kept(kind, subject) and not self.tombstones.has(kind, subject)

    def _index(self) -> Index:
        return Index(self.client, self.table, "receipts", "receipt_shard", "receipt", self.tombstones)

    def _entry(self, item: Item) -> Entry:
        is_inline = item["body_size"] <= INLINE_LIMIT and TOO_MANY_PARTS not in item.get("issues", ())
        return Entry(item, self.bodies.read(item) if is_inline else None)

    def _group(self, items: Iterable[Mapping[str, Any]]) -> list[Entry]:
        """Read an event and its variants; beyond a page, the bodies of further variants come by URL."""
        entries: list[Entry] = []
        size = 0
        for item in items:
            entries.append(self._entry(dict(item)) if size <= PAGE_BYTES else Entry(dict(item), None))
            size += len(entries[-1].body or b"")
        return entries

    def _within_page(self, items: Iterable[Item | None]) -> list[Entry | None]:
        """Read bodies until a page is full; at least one event, so that reading always goes on."""
        entries: list[Entry | None] = []
        size = 0
        for item in items:
            if size > PAGE_BYTES:
                break
            entry = self._entry(item) if item else None
            entries.append(entry)
            size += len(entry.body or b"") if entry else 0
        return entries

    def _subject_items(self, pk: str, after: str | None) -> Iterator[Item]:
        start = {"ExclusiveStartKey": write_item({"pk": pk, "sk": sort_key(after)})} if after else {}
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :events)",
            ExpressionAttributeValues=write_item({":pk": pk, ":events": "e1#"}),
            **start,  # type: ignore[arg-type]  # a paginator takes the operation's own start key
        )
        with store_down():
            for page in pages:
                yield from (item for item in map(read_item, page["Items"]) if not is_expired(item))
