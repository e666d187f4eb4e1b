"""A subject's events as the fold takes them: rows with their bodies parsed."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from tavus_callbacks.aws import rows
from tavus_callbacks.aws.events import partition
from tavus_callbacks.aws.failures import store_down
from tavus_callbacks.domain import reading
from tavus_callbacks.domain.event import event_id
from tavus_callbacks.domain.fold_event import FoldEvent
from tavus_callbacks.domain.timestamps import parse

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from tavus_callbacks.aws.bodies import Bodies

# Of the rows of a subject, those that were received.
EVENT_TYPES = ("event", "variant")


def subject_rows(
    client: "DynamoDBClient", table: str, kind: str, subject: str, *, consistent: bool = False
) -> list[dict[str, Any]]:
    """Return everything that is kept of a subject, recordings and summary too: one query a megabyte."""
    pages = client.get_paginator("query").paginate(
        TableName=table,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues=rows.write({":pk": partition(kind, subject)}),
        ConsistentRead=consistent,
    )
    with store_down():
        items = [rows.read(row) for page in pages for row in page["Items"]]
    return [item for item in items if not rows.is_expired(item)]


def events_in(items: Iterable[dict[str, Any]], bodies: "Bodies") -> list[FoldEvent]:
    """Return the events and variants among rows as the fold takes them, bodies read wherever they lie."""
    return [fold_event(item, bodies.read(item)) for item in items if item["type"] in EVENT_TYPES]


def fold_event(item: dict[str, Any], body: bytes) -> FoldEvent:
    """Make one event of a row and its body; raises ValueError where a row lacks its time of receipt."""
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
        contents=(reading.kept(body.decode()),),
    )
