"""An index of the events table, which is spread over shards: pages of keys, and the items behind them."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from math import ceil, sqrt
from typing import TYPE_CHECKING, Any

from tavus_callbacks.aws.errors import store_down
from tavus_callbacks.aws.items import Item, is_expired, read_item, write_item
from tavus_callbacks.aws.stores.tombstones import Tombstones

if TYPE_CHECKING:
    from tavus_callbacks.aws.table import Table

_PARALLEL = 8

# Less and greater than every time.
START, END = "0", "9"


@dataclass(frozen=True, slots=True)
class Index:
    """One index: `shard` and `place` are the attributes that are its partition and sort key."""

    table: "Table"
    name: str
    shard: str
    place: str
    tombstones: Tombstones

    def oldest(self, shards: Sequence[str], *, after: str, limit: int) -> list[Item]:
        """Return up to `limit` keys of each shard beyond a place, oldest first within a shard."""
        pages = self._query_all(
            shards, "#place > :from", {":from": after or START}, limit=limit, forward=True
        )
        return list(map(read_item, chain.from_iterable(pages)))

    def newest(
        self, shards: Sequence[str], *, before: str | None, since: str = START, limit: int
    ) -> list[Item]:
        """Return the `limit` newest keys of all shards before a place, newest first."""
        until = before or END
        # DynamoDB calls an empty span an error.
        if since > until:
            return []
        # BETWEEN includes its ends, and the page before this one had the end already.
        condition, values = "#place BETWEEN :since AND :until", {":since": since, ":until": until}
        page: list[Item] = []
        for most in (_usual_share(limit, len(shards)), limit):
            pages = self._query_all(shards, condition, values, limit=most + 1, forward=False)
            others = (key for key in chain.from_iterable(pages) if key[self.place]["S"] != before)
            page = sorted(others, key=lambda key: str(key[self.place]["S"]), reverse=True)[:limit]
            end = page[-1][self.place]["S"] if len(page) == limit else ""
            # A shard with further keys may have some that belong before the end of the page.
            if all(len(keys) <= most or keys[-1][self.place]["S"] <= end for keys in pages):
                break
        return list(map(read_item, page))

    def items(self, keys: Iterable[Item]) -> list[Item | None]:
        """Return the items of keys, in their order; None if one is gone, or its subject was erased."""
        ordered = [(key["pk"], key["sk"]) for key in keys]
        erased = self.tombstones.among({pk for pk, _ in ordered})
        readable = ({"pk": pk, "sk": sk} for pk, sk in ordered if pk not in erased)
        # Consistent: the index may know a key that a lagging replica of the table does not.
        items = self.table.batch_get(readable, ConsistentRead=True)
        by_key = {(item["pk"], item["sk"]): item for item in items if not is_expired(item)}
        return list(map(by_key.get, ordered))

    def _query_all(
        self, shards: Sequence[str], condition: str, values: dict[str, str], *, limit: int, forward: bool
    ) -> list[list[Item]]:
        """Return the keys of each shard in their wire form, most of which nobody reads."""

        def query(shard: str) -> list[dict[str, Any]]:
            with store_down():
                answer = self.table.client.query(
                    TableName=self.table.name,
                    IndexName=self.name,
                    KeyConditionExpression=f"#shard = :shard AND {condition}",
                    ExpressionAttributeNames={"#shard": self.shard, "#place": self.place},
                    ExpressionAttributeValues=write_item({":shard": shard, **values}),
                    ScanIndexForward=forward,
                    Limit=limit,
                )
            return list(answer["Items"])

        with ThreadPoolExecutor(_PARALLEL) as pool:
            return list(pool.map(query, shards))


def _usual_share(limit: int, shard_count: int) -> int:
    """Return how many keys of a page come from one shard at most, except for one page in 40,000.

    Names spread evenly over the shards. This is six standard deviations above the mean.
    """
    mean = limit / shard_count
    return min(limit, ceil(mean + 6 * sqrt(mean)))
