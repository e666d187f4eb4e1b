"""The items behind an index, those too whose time is over or that a tombstone hides from readers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tavus_callbacks.aws.items import read_item, write_item
from tavus_callbacks.aws.table import batch_get
from tavus_callbacks_cli.erasure.place import Place


@dataclass(frozen=True, slots=True)
class Keys:
    """An index, and the names of its partition key and of its sort key, which begins with a time."""

    index: str
    shard: str
    place: str


LISTING = Keys("listing", "listing_shard", "listed")
RECEIPTS = Keys("receipts", "receipt_shard", "receipt")


def items(place: Place, keys: Keys, shards: Sequence[str], since: str = "0") -> Iterator[dict[str, Any]]:
    """Return the items in some partitions of an index, from a time on."""
    waiting = _keys(place, keys, shards, since)
    return batch_get(place.store.client, place.store.table, waiting, ConsistentRead=True)


def _keys(place: Place, keys: Keys, shards: Sequence[str], since: str) -> Iterator[dict[str, Any]]:
    paginator = place.store.client.get_paginator("query")
    for one in shards:
        pages = paginator.paginate(
            TableName=place.store.table,
            IndexName=keys.index,
            KeyConditionExpression=f"{keys.shard} = :shard AND {keys.place} >= :since",
            ExpressionAttributeValues=write_item({":shard": one, ":since": since}),
            ProjectionExpression="pk, sk",
        )
        for page in pages:
            yield from map(read_item, page["Items"])
