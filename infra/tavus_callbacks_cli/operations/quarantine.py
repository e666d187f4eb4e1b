"""Store entries of quarantine with this version's models, as if they arrived again, or delete them.

An entry has the first and the last time at which its body arrived. Both are stored by the rule for every
callback: the last one is a duplicate, or another event if such a body may arrive again.
"""

from collections.abc import Callable, Collection, Iterator
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
from tavus_callbacks.domain.callbacks.event import Callback, Event, event_id
from tavus_callbacks.domain.callbacks.intake import Rejection, read_callback
from tavus_callbacks.domain.common.compression import inflate, is_gzip
from tavus_callbacks.domain.common.errors import NotAnObject
from tavus_callbacks.domain.common.timestamps import parse
from tavus_callbacks_cli.operations.ids import QUARANTINE_ID, choose_quarantined
from tavus_callbacks_cli.targets.aws_errors import aws_errors, incomplete_errors

if TYPE_CHECKING:
    from tavus_callbacks_cli.targets.aws_stack import Deployment
    from tavus_callbacks_cli.targets.choose import Target
    from tavus_callbacks_cli.targets.store import Store

_PAGE = 100

Item = dict[str, Any]


@dataclass(frozen=True, slots=True)
class RedriveOutcome:
    """The outcome for an entry: `filed` as an event, or still `refused`; `fileable` in a dry run.

    `erased` means that its subject was erased: the entry is removed and nothing is stored.
    """

    quarantine_id: str
    outcome: Literal["filed", "fileable", "refused", "erased"]
    event_id: str | None
    reason: str | None


def redrive_entries(target: "Target", quarantine_id: str | None, *, dry_run: bool) -> list[RedriveOutcome]:
    """Store one entry, or every entry if no id is given; raises click.ClickException."""
    with aws_errors():
        deployment = target.deployment()
        store, retention = deployment.store, deployment.event_retention
        with incomplete_errors("Stored events stay stored. Run the command again."):
            entries = (
                list(list_entries(store))
                if quarantine_id is None
                else [_find_entry(deployment, quarantine_id)]
            )
            return [redrive(store, entry, retention, dry_run=dry_run) for entry in entries]


def delete_entries(
    target: "Target", quarantine_ids: Collection[str], confirm: Callable[[Collection[Item]], None]
) -> list[str]:
    """Delete entries with their bodies and return their ids; raises click.ClickException.

    `confirm` is called with the entries before the first is deleted. If one does not exist, none is deleted.
    """
    with aws_errors():
        deployment = target.deployment()
        found = (_find_entry(deployment, quarantine_id) for quarantine_id in quarantine_ids)
        entries = {entry["quarantine_id"]: entry for entry in found}
        confirm(entries.values())
        with incomplete_errors("Deleted entries stay deleted. Run the command again for the others."):
            for entry in entries.values():
                remove_entry(deployment.store, entry)
    return list(entries)


def _find_entry(deployment: "Deployment", quarantine_id: str) -> Item:
    """Return an entry by its whole or short id, or the newest one for `latest`; raises ClickException."""
    if entry := get_entry(deployment.store, quarantine_id):
        return entry
    entries = () if QUARANTINE_ID.fullmatch(quarantine_id) else list_entries(deployment.store)
    return choose_quarantined(iter(entries), quarantine_id, deployment.command("quarantine list"))


def list_entries(store: "Store") -> Iterator[Item]:
    """Yield every entry of quarantine, the newest first; raises StoreDown."""
    tombstones = Tombstones(store.client, store.table)
    index = Index(tombstones.table, "receipts", "receipt_shard", "receipt", tombstones)
    before: str | None = None
    while keys := index.newest(QUARANTINE_SHARDS, before=before, limit=_PAGE):
        yield from filter(None, index.items(keys))
        before = keys[-1]["receipt"]


def get_entry(store: "Store", quarantine_id: str) -> Item | None:
    """Return an entry, or None; raises StoreDown."""
    with store_down():
        answer = store.client.get_item(TableName=store.table, Key=_key(quarantine_id), ConsistentRead=True)
    return read_item(answer["Item"]) if "Item" in answer else None


def redrive(store: "Store", item: Item, retention: timedelta | None, *, dry_run: bool) -> RedriveOutcome:
    """Store an entry as an event and then remove it; raises StoreDown, after which it can be repeated."""
    name = item["quarantine_id"]
    try:
        event = read_callback(_callback(store, item))
    except NotAnObject as error:
        return RedriveOutcome(name, "refused", None, f"{error.status} {error}")
    if isinstance(event, Rejection):
        return RedriveOutcome(name, "refused", None, f"{event.error.status} {event.error}")
    if dry_run:
        return RedriveOutcome(name, "fileable", event.event_id, None)
    filed_id = _store_event(store, event, retention)
    last = _received_at(item, "last_received_at")
    if filed_id is not None and last != event.received_at:
        _store_event(store, event._replace(received_at=last), retention)
    remove_entry(store, item)
    return RedriveOutcome(name, "erased" if filed_id is None else "filed", filed_id, None)


def _callback(store: "Store", item: Item) -> Callback:
    """Return an entry's callback, inflated if it is gzip; raises NotAnObject if it cannot be inflated."""
    received_at = _received_at(item, "first_received_at")
    body = store.bodies.read(item)
    raw = inflate(body) if is_gzip(body) else body
    if is_gzip(raw):
        raise NotAnObject("The gzip body holds another gzip body, which is not read.")
    coding = item.get("content_encoding", "")
    return Callback(raw, urlencode(item["tags"]), item["label"], received_at, content_encoding=coding)


def _received_at(item: Item, name: str) -> datetime:
    moment = parse(item[name])
    if moment is None:
        raise ValueError("an entry without its time of receipt")
    return moment


def _store_event(store: "Store", event: Event, retention: timedelta | None) -> str | None:
    """Store an event and return its id, or None if its subject was erased."""
    events = EventsTable(store.client, store.table, store.bodies, retention)
    if events.tombstones.is_erased(event.kind, event.subject):
        return None
    # A large body first: however long that takes, pulling must not have passed its time.
    body = events.body_attributes(event)
    kept = events.keep_with_body(event, body, kept_at=store.now())
    return event_id(event.kind, event.subject, kept.ref)


def remove_entry(store: "Store", item: Item) -> None:
    """Remove an entry and its body; raises StoreDown."""
    with store_down():
        store.client.delete_item(TableName=store.table, Key=_key(item["quarantine_id"]))
        # The row first: an object that no row names is harmless, a row without its object is a fault.
        if "body_key" in item:
            store.bodies.remove(item["body_key"])


def _key(quarantine_id: str) -> dict[str, Any]:
    return write_item(keys.quarantine(quarantine_id))
