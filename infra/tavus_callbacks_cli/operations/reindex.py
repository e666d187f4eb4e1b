"""Rebuilding summaries from the events that are kept, while more come in.

Subjects are found by the indexes, which hold keys only; each is then read whole and its summary replaced,
unless `project` was there meanwhile, which is noticed and tried again.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from tavus_callbacks.aws.stores.recordings import RecordingRows, claim_key_of
from tavus_callbacks.aws.stores.subject_events import subject_rows
from tavus_callbacks.aws.stores.summaries import Found, SummaryRows, found_in
from tavus_callbacks.aws.stores.tombstones import Tombstones
from tavus_callbacks.domain.callbacks.families import KINDS
from tavus_callbacks.domain.summaries.summary import CONVERSATION

if TYPE_CHECKING:
    from tavus_callbacks_cli.targets.store import Store

_PARALLEL = 8

Subject = tuple[str, str]


def subjects(store: "Store") -> list[Subject]:
    """Return every subject of which an event or a summary is kept."""
    keys = {pk for index in ("receipts", "listing") for pk in _partitions(store, index)}
    found = (pk.partition("#") for pk in keys)
    return sorted((kind, subject) for kind, _, subject in found if kind in KINDS)


def rebuilt(store: "Store", wanted: list[Subject]) -> Iterator[Subject]:
    """Rebuild summaries, and yield each subject as it is done; raises StoreDown."""
    with ThreadPoolExecutor(_PARALLEL) as pool:
        yield from pool.map(lambda subject: _rebuilt(store, subject), wanted)


def _rebuilt(store: "Store", subject: Subject) -> Subject:
    tombstones = Tombstones(store.client, store.table)

    def find() -> Found | None:
        if tombstones.is_there(*subject):
            return None
        items = subject_rows(store.client, store.table, *subject, consistent=True)
        return found_in(subject[0], items, store.bodies)

    SummaryRows(store.client, store.table).rebuild(*subject, find)
    if subject[0] == CONVERSATION:
        _register_claims(store, subject[1])
    return subject


def _register_claims(store: "Store", conversation_id: str) -> None:
    """Write the claim rows that recordings of earlier versions lack, unless the conversation is erased."""
    recordings = RecordingRows(store.client, store.table)
    for item in recordings.rows(conversation_id):
        recordings.register(item)
        key = claim_key_of(item)
        # After the write: an erasure may have passed in between.
        if key and Tombstones(store.client, store.table).is_there(CONVERSATION, conversation_id):
            store.client.delete_item(TableName=store.table, Key=key)


def _partitions(store: "Store", index: str) -> Iterator[str]:
    pages = store.client.get_paginator("scan").paginate(
        TableName=store.table, IndexName=index, ProjectionExpression="pk"
    )
    for page in pages:
        yield from (row["pk"]["S"] for row in page["Items"])
