"""An index of the events table that is spread over shards: some pages of keys, and the items behind them."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

from tavus_callbacks.aws.errors import store_down
from tavus_callbacks.aws.items import is_expired, read_item, write_item
from tavus_callbacks.aws.stores.tombstones import Tombstones
from tavus_callbacks.aws.table import Table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_PARALLEL = 8

# Greater than every time, for a list that begins with the newest.
END = "9"

Item = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Index:
    """One index: `shard` and `place` are the attributes that are its partition and sort key."""

    client: "DynamoDBClient"
    table: str
    name: str
    shard: str
    place: str
    tombstones: Tombstones

    def oldest(self, shards: Sequence[str], *, after: str, limit: int) -> list[Item]:
        """Return up to `limit` keys of each shard beyond a place, oldest first within a shard."""
        condition = "#place > :from"
        found = self._rows(shards, condition, {":from": after or "0"}, limit=limit, forward=True)
        return list(map(read_item, found))

    def newest(
        self, shards: Sequence[str], *, before: str | None, since: str = "0", limit: int
    ) -> list[Item]:
        """Return the `limit` newest keys of all shards before a place, newest first."""
        until = before or END
        # DynamoDB calls an empty span an error.
        if since > until:
            return []
        condition, values = "#place BETWEEN :since AND :until", {":since": since, ":until": until}
        # BETWEEN takes its ends along, and the end has been given already.
        found = self._rows(shards, condition, values, limit=limit + 1, forward=False)
        fresh = (row for row in found if row[self.place]["S"] != before)
        # Eight shards give eight pages, and only one of them is worth reading.
        page = sorted(fresh, key=lambda row: str(row[self.place]["S"]), reverse=True)[:limit]
        return list(map(read_item, page))

    def items(self, keys: Iterable[Item]) -> list[Item | None]:
        """Return the items of keys, in their order; None for one that has gone meanwhile, or was erased."""
        wanted = [{"pk": key["pk"], "sk": key["sk"]} for key in keys]
        erased = self.tombstones.among({key["pk"] for key in wanted})
        kept = [key for key in wanted if key["pk"] not in erased]
        # Consistent: the index may know a key that a lagging replica of the table does not.
        items = Table(self.client, self.table).batch_get(kept, ConsistentRead=True)
        found = {(item["pk"], item["sk"]): item for item in items if not is_expired(item)}
        return [found.get((key["pk"], key["sk"])) for key in wanted]

    def _rows(
        self, shards: Sequence[str], condition: str, values: dict[str, str], *, limit: int, forward: bool
    ) -> list[Item]:
        query = partial(self._query, condition=condition, values=values, limit=limit, forward=forward)
        with ThreadPoolExecutor(_PARALLEL) as pool:
            return list(chain.from_iterable(pool.map(query, shards)))

    def _query(
        self, shard: str, *, condition: str, values: dict[str, str], limit: int, forward: bool
    ) -> list[Item]:
        with store_down():
            found = self.client.query(
                TableName=self.table,
                IndexName=self.name,
                KeyConditionExpression=f"#shard = :shard AND {condition}",
                ExpressionAttributeNames={"#shard": self.shard, "#place": self.place},
                ExpressionAttributeValues=write_item({":shard": shard, **values}),
                ScanIndexForward=forward,
                Limit=limit,
            )
        return list(found["Items"])
