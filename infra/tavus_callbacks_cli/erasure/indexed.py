"""The items behind an index, those too whose time is over or that a tombstone hides from readers."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from tavus_callbacks.aws import rows
from tavus_callbacks_cli.erasure.place import Place

# DynamoDB's own limit of keys in one request.
_BATCH = 100


def items(place: Place, index: str, shard: str, shards: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield the items in some partitions of an index, whose partition key is `shard`."""
    waiting = _keys(place, index, shard, shards)
    while some := list(islice(waiting, _BATCH)):
        request: Any = {place.store.table: {"Keys": some, "ConsistentRead": True}}
        while request:
            answer = place.store.client.batch_get_item(RequestItems=request)
            yield from map(rows.read, answer["Responses"].get(place.store.table, ()))
            request = answer.get("UnprocessedKeys")


def _keys(place: Place, index: str, shard: str, shards: Sequence[str]) -> Iterator[dict[str, Any]]:
    paginator = place.store.client.get_paginator("query")
    for one in shards:
        pages = paginator.paginate(
            TableName=place.store.table,
            IndexName=index,
            KeyConditionExpression=f"{shard} = :shard",
            ExpressionAttributeValues=rows.write({":shard": one}),
            ProjectionExpression="pk, sk",
        )
        for page in pages:
            yield from page["Items"]
