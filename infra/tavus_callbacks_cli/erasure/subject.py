"""What is kept under a subject's own name: events, variants, summary, rows of recordings, large bodies."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from tavus_callbacks.aws.items import is_expired, read_item, write_item
from tavus_callbacks.aws.stores.keys import event_bodies, partition
from tavus_callbacks.aws.stores.recordings import claim_key_of
from tavus_callbacks.domain.events.stored_event import is_event_row
from tavus_callbacks.domain.events.tag_scope import TaggedCallback
from tavus_callbacks_cli.erasure.place import Piece, Place, Subject

# By the type of a row, the store that the receipt names.
_STORES = {
    "event": "events",
    "variant": "variants",
    "summary": "summaries",
    "recording": "recordings",
    "reading": "readings",
    "claim": "claims",
}


def of_subject(place: Place, subject: Subject) -> Iterator[Piece]:
    """Yield the objects of a subject's bodies, and its rows.

    The summary comes last: by it a repeat after an interruption finds the subject again.
    """
    yield from _objects(place, f"{event_bodies(*subject)}/", "bodies")
    for row in sorted(_rows(place, subject, ("subject", "claim")), key=lambda row: row["type"] == "summary"):
        yield from _claim_row(place, row)
        name = f"{row['pk']} {row['sk']}"
        yield Piece(_STORES.get(row["type"], row["type"]), name, partial(_delete_row, place, row))


def tagged_callbacks(place: Place, subject: Subject) -> list[TaggedCallback]:
    """Return a subject's events and variants without bodies; expired ones only if there are no others."""
    names = ("family", "event_type", "source", "tags", "received_at", "expires_at")
    items = [row for row in _rows(place, subject, names) if is_event_row(row)]
    live = [row for row in items if not is_expired(row)]
    return [_tagged_callback(row) for row in live or items]


def _tagged_callback(row: dict[str, Any]) -> TaggedCallback:
    source = row.get("source", "callback")
    return TaggedCallback(row["family"], row["event_type"], source, row["tags"], row["received_at"])


def _rows(place: Place, subject: Subject, names: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """Return the keys and the types of a subject's rows, and the named attributes."""
    wanted = {f"#{name}": name for name in ("pk", "sk", "type", *names)}
    pages = place.store.client.get_paginator("query").paginate(
        TableName=place.store.table,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues=write_item({":pk": partition(*subject)}),
        ProjectionExpression=", ".join(wanted),
        ExpressionAttributeNames=wanted,
        ConsistentRead=True,
    )
    return [read_item(row) for page in pages for row in page["Items"]]


def _claim_row(place: Place, row: dict[str, Any]) -> Iterator[Piece]:
    """Yield the claim row of a recording before the recording's own row, by which it is found."""
    key = claim_key_of(row) if row["type"] == "recording" else None
    if key is None:
        return
    if "Item" in place.store.client.get_item(TableName=place.store.table, Key=write_item(key)):
        yield Piece(_STORES["claim"], f"{key['pk']} {key['sk']}", partial(_delete_row, place, key))


def _delete_row(place: Place, row: dict[str, Any]) -> None:
    key = write_item({"pk": row["pk"], "sk": row["sk"]})
    place.store.client.delete_item(TableName=place.store.table, Key=key)


def keys(place: Place, prefix: str) -> Iterator[str]:
    """Yield the keys of the bodies bucket under a prefix."""
    bodies = place.store.bodies
    pages = bodies.client().get_paginator("list_objects_v2").paginate(Bucket=bodies.bucket, Prefix=prefix)
    for page in pages:
        yield from (one["Key"] for one in page.get("Contents", ()))


def _objects(place: Place, prefix: str, store: str) -> Iterator[Piece]:
    """Yield the objects of the bodies bucket under a prefix."""
    for key in keys(place, prefix):
        yield Piece(store, key, partial(place.store.bodies.remove, key))
