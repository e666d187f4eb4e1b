"""Rebuild summaries and index entries from the stored events, while more events come in.

The indexes name the subjects; they hold keys only. Each subject is then read whole and its summary is
replaced. If `project` writes the summary meanwhile, the rebuild of that subject starts again.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TYPE_CHECKING

from tavus_callbacks.aws.items import read_item
from tavus_callbacks.aws.stores.keys import erasure_attributes
from tavus_callbacks.aws.stores.recordings import RecordingRows
from tavus_callbacks.aws.stores.summaries import SummaryRows
from tavus_callbacks.aws.stores.tombstones import Tombstones
from tavus_callbacks.domain.callbacks.families import KINDS
from tavus_callbacks.domain.common.timestamps import parse
from tavus_callbacks.domain.summaries.summary import CONVERSATION
from tavus_callbacks.logic.summarize import rebuild
from tavus_callbacks_cli.operations.selection import SUMMARY_DELAY

if TYPE_CHECKING:
    from tavus_callbacks_cli.targets.store import Store

_PARALLEL = 8

Subject = tuple[str, str]


def subjects(store: "Store") -> list[Subject]:
    """Return every subject that has an event or a summary."""
    partitions: set[str] = set()
    for index in ("receipts", "listing"):
        pages = store.client.get_paginator("scan").paginate(
            TableName=store.table, IndexName=index, ProjectionExpression="pk"
        )
        partitions.update(row["pk"]["S"] for page in pages for row in page["Items"])
    keys = (pk.partition("#") for pk in partitions)
    return sorted((kind, subject) for kind, _, subject in keys if kind in KINDS)


def rebuild_summaries(store: "Store", wanted: list[Subject]) -> Iterator[Subject]:
    """Rebuild summaries, and yield each subject as it is done; raises StoreDown."""
    with ThreadPoolExecutor(_PARALLEL) as pool:
        yield from pool.map(lambda subject: _rebuild_subject(store, subject), wanted)


def note_coverage(store: "Store", began_at: datetime) -> datetime | None:
    """Note that a rebuild of every subject, which began at a time, gave all of them their index entries.

    Returns when another rebuild would reach subjects that came later and may lack entries, None if no subject
    does. Raises StoreDown.
    """
    entries = SummaryRows(store.client, store.table).entries
    for kind in KINDS:
        # A later subject may have been missing in the indexes.
        entries.cover_until(kind, began_at - SUMMARY_DELAY)
    coverages = map(entries.coverage, KINDS)
    # Without a time there is no subject yet that this version has stored.
    ends = (parse(coverage.since) for coverage in coverages if not coverage.is_complete)
    return max((end + SUMMARY_DELAY for end in ends if end), default=None)


def list_tombstones(store: "Store") -> None:
    """List the tombstones that earlier versions did not list; raises StoreDown.

    Only a scan finds them. They get the present time, for a copy elsewhere may have passed their own.
    """
    tombstones = Tombstones(store.client, store.table)
    if not tombstones.has_any():
        return
    pages = store.client.get_paginator("scan").paginate(
        TableName=store.table,
        FilterExpression="sk = :sk AND attribute_not_exists(listed)",
        ExpressionAttributeValues={":sk": {"S": "tombstone"}},
        ProjectionExpression="pk, sk",
    )
    for key in (read_item(item) for page in pages for item in page["Items"]):
        tombstones.table.update(key, erasure_attributes(key, store.now()), "attribute_exists(pk)")


def _rebuild_subject(store: "Store", subject: Subject) -> Subject:
    """Rebuild a summary, and write the claim rows that recordings of earlier versions lack."""
    kind, name = subject
    summaries = SummaryRows(store.client, store.table)
    rebuild(summaries, kind, name, store.bodies)
    # After the writes: the subject may have been erased since its events were read.
    if summaries.tombstones.is_erased(kind, name):
        summaries.delete(kind, name)
    recordings = RecordingRows(store.client, store.table)
    for recording in recordings.list_all(name) if kind == CONVERSATION else ():
        recordings.put_claim_row(recording)
        # After the write: the conversation may have been erased in between.
        if recording.unowned_key and summaries.tombstones.is_erased(kind, name):
            recordings.remove_claim_row(recording)
    return subject
