"""The erased subjects in the order of their erasure, so that copies elsewhere can follow."""

from typing import TYPE_CHECKING, NamedTuple

from tavus_callbacks.aws.items import Item, is_expired
from tavus_callbacks.aws.stores import keys
from tavus_callbacks.aws.stores.index import Index
from tavus_callbacks.aws.stores.pull import Pulled, pull
from tavus_callbacks.aws.stores.tombstones import Tombstones
from tavus_callbacks.aws.table import Table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from tavus_callbacks.domain.events.feed import Position


class Erasure(NamedTuple):
    """An erased subject: the digest of `<kind>#<subject>`, and when it was erased."""

    digest: str
    erased_at: str


class Erasures:
    """The tombstones as a feed."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self.table = Table(client, table)
        self.index = Index(self.table, "listing", "listing_shard", "listed", Tombstones(client, table))

    def pull(self, position: "Position", limit: int) -> Pulled[Erasure]:
        """Return the erasures after a position, oldest first; raises StoreDown."""
        return pull(self.index, keys.ERASURE_SHARDS, position, limit, self._read)

    def _read(self, places: list[Item]) -> list[Erasure | None]:
        row_keys = ({"pk": place["pk"], "sk": place["sk"]} for place in places)
        # Consistent: a position passes an erasure whose row a lagging replica of the table does not have yet.
        items = self.table.batch_get(row_keys, ConsistentRead=True)
        rows = {row["pk"]: row for row in items if not is_expired(row)}
        return [
            Erasure(place["pk"].removeprefix(keys.TOMBSTONE_PREFIX), rows[place["pk"]]["erased_at"])
            if place["pk"] in rows
            else None
            for place in places
        ]
