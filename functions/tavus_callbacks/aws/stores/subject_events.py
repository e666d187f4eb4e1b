"""The stored events of one subject, with their bodies."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from tavus_callbacks.aws.errors import store_down
from tavus_callbacks.aws.items import is_expired, read_item, write_item
from tavus_callbacks.aws.stores.keys import partition
from tavus_callbacks.domain.common.issues import TOO_MANY_PARTS
from tavus_callbacks.domain.common.json_text import count_parts
from tavus_callbacks.domain.events.stored_event import StoredEvent, is_event_row

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from tavus_callbacks.aws.stores.bodies import Bodies

# Bytes and parts of bodies that one answer reads. The dearest part takes 3.9 µs to read, fold and write,
# the dearest byte 34 ns (numbers of 4,300 digits): 1.8 s of CPU at most. A transcript of 5.9 MB has 180,000
# parts.
MOST_BYTES, MOST_PARTS = 13_000_000, 350_000


def subject_rows(
    client: "DynamoDBClient", table: str, kind: str, subject: str, *, consistent: bool = False
) -> list[dict[str, Any]]:
    """Return everything that is kept of a subject, recordings and summary too: one query a megabyte."""
    pages = client.get_paginator("query").paginate(
        TableName=table,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues=write_item({":pk": partition(kind, subject)}),
        ConsistentRead=consistent,
    )
    with store_down():
        items = [read_item(row) for page in pages for row in page["Items"]]
    return [item for item in items if not is_expired(item)]


def events_in(items: Iterable[dict[str, Any]], bodies: "Bodies") -> list[StoredEvent]:
    """Return the events and variants among rows, with every body that has not too many parts."""
    return [StoredEvent.from_row(item, read_body(item, bodies)) for item in items if is_event_row(item)]


def events_within_budget(items: Iterable[dict[str, Any]], bodies: "Bodies") -> list[StoredEvent]:
    """Return the same events, with as many bodies as one answer can afford, the smallest first.

    The order of arrival does not change which ones are read. Decision 0067 has the measurements.
    """
    ordered = sorted(
        ((StoredEvent.from_row(item), item) for item in items if is_event_row(item)),
        # Chance decides which of two contents is the variant, so the variant's part of `ref` does not count.
        key=lambda pair: (pair[0].body_size, pair[0].content, pair[0].event_ref),
    )
    events: list[StoredEvent] = []
    bytes_left, parts_left = MOST_BYTES, MOST_PARTS
    for event, item in ordered:
        bytes_left -= 0 if event.has_too_many_parts else event.body_size
        body = read_body(item, bodies) if bytes_left >= 0 <= parts_left else None
        parts_left -= count_parts(body.decode()) if body else 0
        events.append(StoredEvent.from_row(item, body) if body and parts_left >= 0 else event)
    return events


def read_body(item: dict[str, Any], bodies: "Bodies") -> bytes | None:
    """Return the body of an event's row, or None without fetching it if it has too many parts."""
    return None if TOO_MANY_PARTS in item["issues"] else bodies.read(item)
