"""Tombstones in the events table: whose events are dropped, however late they come.

    pk = tombstone#<digest of kind and subject>    sk = tombstone
    pk = tombstone#any                             sk = marker       there is at least one

As long as nobody was erased a callback costs no read: the marker is looked at once a minute by each runtime.
What a runtime files in that minute, `project` removes, which looks for the tombstone itself.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from tavus_callbacks.aws.errors import error_code, store_down
from tavus_callbacks.aws.items import is_expired, read_item, write_item
from tavus_callbacks.aws.stores import keys
from tavus_callbacks.aws.table import Table
from tavus_callbacks.domain.common.errors import StoreDown
from tavus_callbacks.domain.common.timestamps import iso, now

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# How long a runtime takes it for true that nobody was erased.
FRESH = timedelta(minutes=1)


class Tombstones:
    """The tombstones as a runtime knows them; `partition` is `<kind>#<subject>`.

    A plain class, for a start pays for what a dataclass makes.
    """

    __slots__ = ("_has_any", "_looked_at", "client", "clock", "table")

    def __init__(self, client: "DynamoDBClient", table: str, clock: Callable[[], datetime] = now) -> None:
        self.client, self.table, self.clock = client, table, clock
        self._has_any = False
        self._looked_at: datetime | None = None

    def has(self, kind: str, subject: str) -> bool:
        """Tell whether a subject was erased, as far as is known within a minute; raises StoreDown."""
        return self.has_any() and self.is_there(kind, subject)

    def has_now(self, kind: str, subject: str) -> bool:
        """Tell whether a subject is erased at this moment, by the marker first; raises StoreDown."""
        self._has_any = self._has_any or self._is_kept(keys.TOMBSTONE_MARKER)
        return self._has_any and self.is_there(kind, subject)

    def is_there(self, kind: str, subject: str) -> bool:
        """Tell whether a subject is erased at this moment; raises StoreDown."""
        return self._is_kept(keys.tombstone(keys.partition(kind, subject)))

    def among(self, partitions: Iterable[str]) -> set[str]:
        """Return which of some partitions were erased, up to a minute late; raises StoreDown."""
        if not self.has_any():
            return set()
        by_key = {keys.tombstone(name)["pk"]: name for name in partitions}
        items = Table(self.client, self.table).batch_get(map(keys.tombstone, by_key.values()))
        return {by_key[item["pk"]] for item in items if not is_expired(item)}

    def add(self, kind: str, subject: str, *, at: datetime, lifetime: timedelta | None) -> None:
        """Note that a subject is erased, for a span or for ever; raises StoreDown."""
        expires_at = None if lifetime is None else int((at + lifetime).timestamp())
        # The marker first: a tombstone that no runtime looks for is none.
        self._put(keys.TOMBSTONE_MARKER, "tombstone_marker", at, expires_at)
        self._put(keys.tombstone(keys.partition(kind, subject)), "tombstone", at, expires_at)

    def has_any(self) -> bool:
        """Tell whether anybody was erased, as far as is known within a minute."""
        at = self.clock()
        if self._looked_at is None or at - self._looked_at >= FRESH:
            # Whatever comes of it, for a minute: a callback is no reason to ask a slow store again.
            self._looked_at = at
            # What is known must do where it does not answer; `project` looks again.
            with suppress(StoreDown):
                self._has_any = self._is_kept(keys.TOMBSTONE_MARKER)
        return self._has_any

    def _is_kept(self, key: dict[str, str]) -> bool:
        with store_down():
            found = self.client.get_item(TableName=self.table, Key=write_item(key), ConsistentRead=True)
        return "Item" in found and not is_expired(read_item(found["Item"]))

    def _put(self, key: dict[str, str], type_: str, at: datetime, expires_at: int | None) -> None:
        """Put a row, unless it is there and lasts longer."""
        item = {**key, "type": type_, "erased_at": iso(at), "expires_at": expires_at}
        condition: Any = {}
        if expires_at is not None:
            condition = {
                "ConditionExpression": "attribute_not_exists(pk) OR expires_at < :expires_at",
                "ExpressionAttributeValues": write_item({":expires_at": expires_at}),
            }
        with store_down():
            try:
                self.client.put_item(TableName=self.table, Item=write_item(item), **condition)
            except ClientError as error:
                if error_code(error) != "ConditionalCheckFailedException":
                    raise
