"""The data under a subject's own name: events, variants, summary, rows of recordings, large bodies."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from tavus_callbacks.aws.items import is_expired, read_item, write_item
from tavus_callbacks.aws.stores.keys import event_bodies, partition
from tavus_callbacks.aws.stores.recordings import claim_key_of
from tavus_callbacks.domain.events.stored_event import is_event_row
from tavus_callbacks.domain.events.tag_scope import TaggedCallback
from tavus_callbacks_cli.erasure.pieces import Piece
from tavus_callbacks_cli.operations.selection import Subject
from tavus_callbacks_cli.targets.store import Store

# By the type of a row, its store in the receipt.
_STORES = {
    "event": "events",
    "variant": "variants",
    "summary": "summaries",
    "entry": "index entries",
    "recording": "recordings",
    "reading": "readings",
    "claim": "claims",
}


def subject_pieces(store: Store, subject: Subject) -> Iterator[Piece]:
    """Yield the objects of a subject's bodies, and its rows.

    The summary comes last: a repeat after an interruption finds the subject by it.
    """
    for key in body_keys(store, f"{event_bodies(*subject)}/"):
        yield Piece("bodies", key, partial(store.bodies.remove, key))
    for row in sorted(_rows(store, subject, "subject", "claim"), key=lambda row: row["type"] == "summary"):
        # The claim row comes before the recording's own row, by which it is found.
        claim = claim_key_of(row) if row["type"] == "recording" else None
        if claim and "Item" in store.client.get_item(TableName=store.table, Key=write_item(claim)):
            yield _row_piece(store, {**claim, "type": "claim"})
        yield _row_piece(store, row)


def _row_piece(store: Store, row: dict[str, Any]) -> Piece:
    key = write_item({"pk": row["pk"], "sk": row["sk"]})
    delete = partial(store.client.delete_item, TableName=store.table, Key=key)
    return Piece(_STORES.get(row["type"], row["type"]), f"{row['pk']} {row['sk']}", delete)


def tagged_callbacks(store: Store, subject: Subject) -> list[TaggedCallback]:
    """Return a subject's events and variants without bodies; expired ones only if there are no others."""
    names = ("family", "event_type", "source", "tags", "received_at", "expires_at")
    rows = [row for row in _rows(store, subject, *names) if is_event_row(row)]
    live = [row for row in rows if not is_expired(row)]
    return [
        TaggedCallback(
            row["family"], row["event_type"], row.get("source", "callback"), row["tags"], row["received_at"]
        )
        for row in live or rows
    ]


def _rows(store: Store, subject: Subject, *names: str) -> list[dict[str, Any]]:
    """Return the keys and the types of a subject's rows, and the named attributes."""
    attributes = {f"#{name}": name for name in ("pk", "sk", "type", *names)}
    pages = store.client.get_paginator("query").paginate(
        TableName=store.table,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues=write_item({":pk": partition(*subject)}),
        ProjectionExpression=", ".join(attributes),
        ExpressionAttributeNames=attributes,
        ConsistentRead=True,
    )
    return [read_item(row) for page in pages for row in page["Items"]]


def body_keys(store: Store, prefix: str) -> Iterator[str]:
    """Yield the keys of the bodies bucket under a prefix."""
    bodies = store.bodies
    pages = bodies.client().get_paginator("list_objects_v2").paginate(Bucket=bodies.bucket, Prefix=prefix)
    for page in pages:
        yield from (entry["Key"] for entry in page.get("Contents", ()))
