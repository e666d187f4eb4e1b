"""The items behind an index, those too whose time is over or that a tombstone hides from readers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from tavus_callbacks.aws import items as rows
from tavus_callbacks_cli.erasure.place import Place

# DynamoDB's own limit of keys in one request.
_BATCH = 100


@dataclass(frozen=True, slots=True)
class Keys:
    """An index, and the names of its partition key and of its sort key, which begins with a time."""

    index: str
    shard: str
    place: str


LISTING = Keys("listing", "listing_shard", "listed")
RECEIPTS = Keys("receipts", "receipt_shard", "receipt")


def items(place: Place, keys: Keys, shards: Sequence[str], since: str = "0") -> Iterator[dict[str, Any]]:
    """Yield the items in some partitions of an index, from a time on."""
    waiting = _keys(place, keys, shards, since)
    while some := list(islice(waiting, _BATCH)):
        request: Any = {place.store.table: {"Keys": some, "ConsistentRead": True}}
        while request:
            answer = place.store.client.batch_get_item(RequestItems=request)
            yield from map(rows.read, answer["Responses"].get(place.store.table, ()))
            request = answer.get("UnprocessedKeys")


def _keys(place: Place, keys: Keys, shards: Sequence[str], since: str) -> Iterator[dict[str, Any]]:
    paginator = place.store.client.get_paginator("query")
    for one in shards:
        pages = paginator.paginate(
            TableName=place.store.table,
            IndexName=keys.index,
            KeyConditionExpression=f"{keys.shard} = :shard AND {keys.place} >= :since",
            ExpressionAttributeValues=rows.write({":shard": one, ":since": since}),
            ProjectionExpression="pk, sk",
        )
        for page in pages:
            yield from page["Items"]
