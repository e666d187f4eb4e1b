"""How far a schedule has come in a list that one run may not get through.

pk = sweep#<name>    sk = place
"""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tavus_callbacks.aws import rows
from tavus_callbacks.aws.failures import store_down
from tavus_callbacks.domain.timestamps import iso, parse

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True)
class Sweep:
    """Where the next run goes on (None: at the newest), and what was oldest in this sweep and the last."""

    before: str | None = None
    oldest: datetime | None = None
    oldest_last: datetime | None = None


@dataclass(frozen=True, slots=True)
class SweepRow:
    """The row of one schedule."""

    client: "DynamoDBClient"
    table: str
    name: str

    def read(self) -> Sweep:
        """Return how far the runs before have come; raises StoreDown."""
        with store_down():
            found = self.client.get_item(TableName=self.table, Key=rows.write(self._key()))
        item = rows.read(found.get("Item", {}))
        return Sweep(item.get("before"), parse(item.get("oldest")), parse(item.get("oldest_last")))

    def write(self, sweep: Sweep) -> None:
        """Note how far this run has come; raises StoreDown."""
        moments = {"oldest": sweep.oldest, "oldest_last": sweep.oldest_last}
        item = {
            **self._key(),
            "type": "sweep",
            "before": sweep.before,
            **{name: at and iso(at) for name, at in moments.items()},
        }
        with store_down():
            self.client.put_item(TableName=self.table, Item=rows.write(item))

    def _key(self) -> dict[str, Any]:
        return {"pk": f"sweep#{self.name}", "sk": "place"}
