"""What could not be filed and names who is erased: by a whole word of its text, or by its tag."""

import zlib
from collections.abc import Iterator
from functools import partial
from typing import Any

from tavus_callbacks.aws.stores.keys import QUARANTINE_SHARDS
from tavus_callbacks.domain.common.errors import StoreDown
from tavus_callbacks_cli.erasure.indexed import RECEIPTS, items
from tavus_callbacks_cli.erasure.place import Left, Piece, Place, Wanted, gone
from tavus_callbacks_cli.erasure.subject import keys
from tavus_callbacks_cli.operations import redrive

_PREFIX = "quarantine/"


def of_quarantine(place: Place, wanted: Wanted) -> Iterator[Piece | Left]:
    """Yield the entries that name somebody, and objects whose entry is gone."""
    known: set[str] = set()
    for item in items(place, RECEIPTS, QUARANTINE_SHARDS):
        known.add(item.get("body_key", ""))
        name = item["quarantine_id"]
        if wanted.has_tag(item["tags"]) or wanted.is_named_in(body := _kept(place, item)):
            yield Piece("quarantine", name, partial(redrive.remove, place.store, item))
        else:
            yield from wanted.left_by_name("quarantine", name, body)
    yield from _orphans(place, wanted, known)


def _kept(place: Place, item: dict[str, Any]) -> bytes:
    """Return an entry's body; nothing where S3 has removed what is due before DynamoDB has the row."""
    try:
        return place.store.bodies.read(item)
    except StoreDown as error:
        if not gone(error):
            raise
        return b""


def _orphans(place: Place, wanted: Wanted, known: set[str]) -> Iterator[Piece | Left]:
    for key in keys(place, _PREFIX):
        if key in known:
            continue
        body = _text(place.store.bodies.download(key))
        if wanted.is_named_in(body):
            yield Piece("quarantine", key, partial(place.store.bodies.remove, key))
        yield from wanted.left_by_name("quarantine", key, body)


def _text(data: bytes) -> bytes:
    """Return an object's text: no row says any more how it is packed."""
    try:
        return zlib.decompress(data)
    except zlib.error:
        return data
