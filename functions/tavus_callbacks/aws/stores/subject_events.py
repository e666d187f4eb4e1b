"""A subject's events as the fold takes them: rows with their bodies parsed."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from tavus_callbacks.aws.errors import store_down
from tavus_callbacks.aws.items import is_expired, read_item, write_item
from tavus_callbacks.aws.stores.events import partition
from tavus_callbacks.domain.callbacks.event import event_id
from tavus_callbacks.domain.common import lenient_json
from tavus_callbacks.domain.common.issues import TOO_MANY_PARTS
from tavus_callbacks.domain.common.json_text import count_parts
from tavus_callbacks.domain.common.timestamps import parse
from tavus_callbacks.domain.events.stored_event import FoldEvent

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from tavus_callbacks.aws.stores.bodies import Bodies

# Bytes and parts of bodies that one answer reads. The dearest part takes 3.9 µs to read, fold and write,
# the dearest byte 34 ns (numbers of 4,300 digits): 1.8 s of CPU at most. A transcript of 5.9 MB has 180,000
# parts.
MOST_BYTES, MOST_PARTS = 13_000_000, 350_000

# Of the rows of a subject, those that were received.
EVENT_TYPES = ("event", "variant")


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


def events_in(items: Iterable[dict[str, Any]], bodies: "Bodies") -> list[FoldEvent]:
    """Return the events and variants among rows as the fold takes them, with all bodies that can be read."""
    return [fold_event(item, body_of(item, bodies)) for item in items if item["type"] in EVENT_TYPES]


def events_within_budget(items: Iterable[dict[str, Any]], bodies: "Bodies") -> list[FoldEvent]:
    """Return the same events, with as many bodies as one answer can afford, the smallest first.

    The order of arrival does not change which ones are read. Decision 0067 has the measurements.
    """
    ordered = sorted((item for item in items if item["type"] in EVENT_TYPES), key=_reading_order)
    events: list[FoldEvent] = []
    bytes_left, parts_left = MOST_BYTES, MOST_PARTS
    for item in ordered:
        bytes_left -= 0 if TOO_MANY_PARTS in item["issues"] else int(item["body_size"])
        body = body_of(item, bodies) if bytes_left >= 0 <= parts_left else None
        parts_left -= count_parts(body.decode()) if body else 0
        events.append(fold_event(item, body if parts_left >= 0 else None))
    return events


def _reading_order(item: dict[str, Any]) -> tuple[int, str, str]:
    # Which of two contents is called the variant is chance, so the variant's part of `ref` does not count.
    return int(item["body_size"]), item["content"], item["ref"].partition("-v")[0]


def body_of(item: dict[str, Any], bodies: "Bodies") -> bytes | None:
    """Return the body of an event's row, or None without fetching it if it has too many parts."""
    return None if TOO_MANY_PARTS in item["issues"] else bodies.read(item)


def fold_event(item: dict[str, Any], body: bytes | None) -> FoldEvent:
    """Make one event of a row and its body, None if that is not read.

    Raises ValueError if a row lacks its time of receipt.
    """
    received_at = parse(item["received_at"])
    if received_at is None:
        raise ValueError("a row without its time of receipt")
    ref = item["ref"].partition("-v")[0]
    return FoldEvent(
        event_id=event_id(item["kind"], item["subject"], ref),
        ref=ref,
        family=item["family"],
        kind=item["kind"],
        subject=item["subject"],
        event_type=item["event_type"],
        occurred_at=parse(item.get("occurred_at")),
        received_at=received_at,
        label=item["label"],
        tags=dict(item["tags"]),
        source=item.get("source", "callback"),
        contents=() if body is None else (lenient_json.kept(body.decode()),),
    )
