"""The items of an index, including those that have expired or that a tombstone hides from readers."""

from collections.abc import Iterator, Sequence
from typing import Any

from tavus_callbacks.aws.items import read_item, write_item
from tavus_callbacks.aws.table import batch_get
from tavus_callbacks_cli.targets.store import Store

# By index, its partition key and its sort key, which begins with a time.
_KEYS = {"listing": ("listing_shard", "listed"), "receipts": ("receipt_shard", "receipt")}


def index_items(
    store: Store, index: str, shards: Sequence[str], since: str = "0"
) -> Iterator[dict[str, Any]]:
    """Return the items in some partitions of an index, from a time on."""
    shard_key, sort_key = _KEYS[index]
    paginator = store.client.get_paginator("query")
    results = (
        paginator.paginate(
            TableName=store.table,
            IndexName=index,
            KeyConditionExpression=f"{shard_key} = :shard AND {sort_key} >= :since",
            ExpressionAttributeValues=write_item({":shard": shard, ":since": since}),
            ProjectionExpression="pk, sk",
        )
        for shard in shards
    )
    keys = (read_item(item) for pages in results for page in pages for item in page["Items"])
    return batch_get(store.client, store.table, keys, ConsistentRead=True)
