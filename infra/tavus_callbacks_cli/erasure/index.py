"""The items of an index, including those that have expired or that a tombstone hides from readers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tavus_callbacks.aws.items import read_item, write_item
from tavus_callbacks.aws.table import batch_get
from tavus_callbacks_cli.targets.store import Store


@dataclass(frozen=True, slots=True)
class Index:
    """An index, and the names of its partition key and of its sort key, which begins with a time."""

    name: str
    shard: str
    place: str


LISTING = Index("listing", "listing_shard", "listed")
RECEIPTS = Index("receipts", "receipt_shard", "receipt")


def index_items(
    store: Store, index: Index, shards: Sequence[str], since: str = "0"
) -> Iterator[dict[str, Any]]:
    """Return the items in some partitions of an index, from a time on."""
    paginator = store.client.get_paginator("query")
    results = (
        paginator.paginate(
            TableName=store.table,
            IndexName=index.name,
            KeyConditionExpression=f"{index.shard} = :shard AND {index.place} >= :since",
            ExpressionAttributeValues=write_item({":shard": shard, ":since": since}),
            ProjectionExpression="pk, sk",
        )
        for shard in shards
    )
    keys = (read_item(item) for pages in results for page in pages for item in page["Items"])
    return batch_get(store.client, store.table, keys, ConsistentRead=True)
