"""Entries of quarantine that name a selected subject: by a whole word of their text, or by their tag."""

import zlib
from collections.abc import Iterator
from functools import partial
from typing import Any

from tavus_callbacks.aws.stores.keys import QUARANTINE_SHARDS
from tavus_callbacks.domain.common.errors import StoreDown
from tavus_callbacks_cli.erasure.index import index_items
from tavus_callbacks_cli.erasure.pieces import Leftover, Piece, is_missing_object, leftovers_by_name
from tavus_callbacks_cli.erasure.subject import body_keys
from tavus_callbacks_cli.operations.quarantine import remove_entry
from tavus_callbacks_cli.operations.selection import Selection
from tavus_callbacks_cli.targets.store import Store

_PREFIX = "quarantine/"


def quarantine_pieces(store: Store, selection: Selection) -> Iterator[Piece | Leftover]:
    """Yield the entries that name a subject, and objects whose entry is gone."""
    listed: set[str] = set()
    for item in index_items(store, "receipts", QUARANTINE_SHARDS):
        listed.add(item.get("body_key", ""))
        name = item["quarantine_id"]
        if selection.has_tag(item["tags"]) or selection.takes_text(body := _body(store, item)):
            yield Piece("quarantine", name, partial(remove_entry, store, item))
        else:
            yield from leftovers_by_name(selection, "quarantine", name, body)
    for key in body_keys(store, _PREFIX):
        if key in listed:
            continue
        body = try_inflate(store.bodies.download(key))
        if selection.takes_text(body):
            yield Piece("quarantine", key, partial(store.bodies.remove, key))
        yield from leftovers_by_name(selection, "quarantine", key, body)


def _body(store: Store, item: dict[str, Any]) -> bytes:
    """Return an entry's body; nothing if S3 has removed it before DynamoDB removes the expired row."""
    try:
        return store.bodies.read(item)
    except StoreDown as error:
        if not is_missing_object(error):
            raise
        return b""


def try_inflate(data: bytes) -> bytes:
    """Return an object's own bytes: the row or message that says how they are stored may be gone."""
    try:
        return zlib.decompress(data)
    except zlib.error:
        return data
