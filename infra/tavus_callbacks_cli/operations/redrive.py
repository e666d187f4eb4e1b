"""Filing what is in quarantine with today's models, as if it arrived again at its times of receipt.

An entry knows the first and the last time at which its body arrived. Both are filed, by the rule for every
callback: the last one is a duplicate, or another event where such a body may arrive again.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlencode

from tavus_callbacks.aws.errors import store_down
from tavus_callbacks.aws.items import read_item, write_item
from tavus_callbacks.aws.stores import keys
from tavus_callbacks.aws.stores.events import EventsTable
from tavus_callbacks.aws.stores.index import Index
from tavus_callbacks.aws.stores.keys import QUARANTINE_SHARDS
from tavus_callbacks.aws.stores.tombstones import Tombstones
from tavus_callbacks.domain.callbacks.event import Event, event_id
from tavus_callbacks.domain.callbacks.intake import Callback, Rejection, read_callback
from tavus_callbacks.domain.common.compression import inflate, is_gzip
from tavus_callbacks.domain.common.errors import NotAnObject
from tavus_callbacks.domain.common.timestamps import parse

if TYPE_CHECKING:
    from tavus_callbacks_cli.targets.store import Store

_PAGE = 100

Item = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Redriven:
    """What became of an entry: `filed`, or `refused` still; `fileable` where it was only tried.

    `erased` where its subject was erased: then it is removed and nothing is filed.
    """

    quarantine_id: str
    outcome: Literal["filed", "fileable", "refused", "erased"]
    event_id: str | None
    reason: str | None


def entries(store: "Store") -> Iterator[Item]:
    """Yield every entry of quarantine, the newest first; raises StoreDown."""
    tombstones = Tombstones(store.client, store.table)
    index = Index(store.client, store.table, "receipts", "receipt_shard", "receipt", tombstones)
    before: str | None = None
    while keys := index.newest(QUARANTINE_SHARDS, before=before, limit=_PAGE):
        yield from filter(None, index.items(keys))
        before = keys[-1]["receipt"]


def entry(store: "Store", quarantine_id: str) -> Item | None:
    """Return an entry, or None; raises StoreDown."""
    with store_down():
        found = store.client.get_item(TableName=store.table, Key=_key(quarantine_id), ConsistentRead=True)
    return read_item(found["Item"]) if "Item" in found else None


def redriven(store: "Store", item: Item, retention: timedelta | None, *, dry_run: bool) -> Redriven:
    """File an entry and remove it, in this order; raises StoreDown, after which it can be done again."""
    name = item["quarantine_id"]
    try:
        read = read_callback(_callback(store, item))
    except NotAnObject as error:
        return Redriven(name, "refused", None, f"{error.status} {error}")
    if isinstance(read, Rejection):
        return Redriven(name, "refused", None, f"{read.error.status} {read.error}")
    if dry_run:
        return Redriven(name, "fileable", read.event_id, None)
    filed = _file(store, read, retention)
    last = _received_at(item, "last_received_at")
    if filed is not None and last != read.received_at:
        _file(store, read._replace(received_at=last), retention)
    remove(store, item)
    return Redriven(name, "erased" if filed is None else "filed", filed, None)


def _callback(store: "Store", item: Item) -> Callback:
    """Return an entry's callback, inflated if it is gzip; raises NotAnObject where it cannot be."""
    received_at = _received_at(item, "first_received_at")
    kept = store.bodies.read(item)
    raw = inflate(kept) if is_gzip(kept) else kept
    if is_gzip(raw):
        raise NotAnObject("The gzip body holds another gzip body, which is not read.")
    coding = item.get("content_encoding", "")
    return Callback(raw, urlencode(item["tags"]), item["label"], received_at, content_encoding=coding)


def _received_at(item: Item, name: str) -> datetime:
    moment = parse(item[name])
    if moment is None:
        raise ValueError("an entry without its time of receipt")
    return moment


def _file(store: "Store", event: Event, retention: timedelta | None) -> str | None:
    """Keep an event and return its id, None of one whose subject was erased."""
    events = EventsTable(store.client, store.table, store.bodies, retention)
    if events.tombstones.is_erased(event.kind, event.subject):
        return None
    # A large body first: however long that takes, pulling must not have gone past its time.
    body = events.body_attributes(event)
    kept = events.keep_with_body(event, body, kept_at=store.now())
    return event_id(event.kind, event.subject, kept.ref)


def remove(store: "Store", item: Item) -> None:
    """Remove an entry and its body; raises StoreDown."""
    with store_down():
        store.client.delete_item(TableName=store.table, Key=_key(item["quarantine_id"]))
        # The row first: an object that no row names is nothing, a row without its object is a fault.
        if "body_key" in item:
            store.bodies.remove(item["body_key"])


def _key(quarantine_id: str) -> dict[str, Any]:
    return write_item(keys.quarantine(quarantine_id))
