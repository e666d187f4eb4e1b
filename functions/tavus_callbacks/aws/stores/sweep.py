"""How far a schedule has come in a list that one run may not get through.

pk = sweep#<name>    sk = place
"""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tavus_callbacks.aws.errors import store_down
from tavus_callbacks.aws.items import read_item, write_item
from tavus_callbacks.aws.stores import keys
from tavus_callbacks.domain.common.timestamps import iso, parse

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


_MOMENTS = ("oldest", "older", "older_before", "all_at")


@dataclass(frozen=True, slots=True)
class Sweep:
    """Where the next run goes on (None: at the newest), and since when things are open, so far.

    `oldest` is of this sweep, `older` of those that only a sweep through all looks at, `older_before` of them
    in the last such sweep, at `all_at`. `is_all` tells whether this one is such.
    """

    before: str | None = None
    is_all: bool = False
    oldest: datetime | None = None
    older: datetime | None = None
    older_before: datetime | None = None
    all_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SweepRow:
    """The row of one schedule."""

    client: "DynamoDBClient"
    table: str
    name: str

    def read(self) -> Sweep:
        """Return how far the runs before have come; raises StoreDown."""
        with store_down():
            found = self.client.get_item(TableName=self.table, Key=write_item(self._key()))
        item = read_item(found.get("Item", {}))
        moments = {name: parse(item.get(name)) for name in _MOMENTS}
        return Sweep(before=item.get("before"), is_all=bool(item.get("is_all")), **moments)

    def write(self, sweep: Sweep) -> None:
        """Note how far this run has come; raises StoreDown."""
        moments = {name: getattr(sweep, name) for name in _MOMENTS}
        item = {
            **self._key(),
            "type": "sweep",
            "before": sweep.before,
            "is_all": sweep.is_all,
            **{name: at and iso(at) for name, at in moments.items()},
        }
        with store_down():
            self.client.put_item(TableName=self.table, Item=write_item(item))

    def _key(self) -> dict[str, Any]:
        return dict(keys.sweep(self.name))
