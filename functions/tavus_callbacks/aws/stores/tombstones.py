"""Tombstones in the events table: the events of erased subjects are dropped, however late they come.

As long as nobody was erased, a callback costs no read: each runtime reads the marker once a minute. `project`
reads the tombstone itself, and removes what a runtime stored within that minute.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tavus_callbacks.aws.items import is_expired
from tavus_callbacks.aws.stores import keys
from tavus_callbacks.aws.table import Table
from tavus_callbacks.domain.common.errors import StoreDown
from tavus_callbacks.domain.common.timestamps import iso, now

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# How long a runtime trusts what it read of the marker.
FRESH = timedelta(minutes=1)


class Tombstones:
    """The tombstones, and what a runtime knows of the marker.

    A plain class, because making a dataclass lengthens every cold start.
    """

    __slots__ = ("_has_any", "_looked_at", "clock", "table")

    def __init__(self, client: "DynamoDBClient", table: str, clock: Callable[[], datetime] = now) -> None:
        self.table, self.clock = Table(client, table), clock
        self._has_any = False
        self._looked_at: datetime | None = None

    def has(self, kind: str, subject: str) -> bool:
        """Return whether a subject is erased, up to a minute late; raises StoreDown."""
        return self.has_any() and self.is_erased(kind, subject)

    def is_erased(self, kind: str, subject: str) -> bool:
        """Return whether a subject is erased now; raises StoreDown."""
        return self._exists(keys.tombstone(keys.partition(kind, subject)))

    def among(self, partitions: Iterable[str]) -> set[str]:
        """Return which of some partitions `<kind>#<subject>` are erased, up to a minute late.

        Raises StoreDown.
        """
        if not self.has_any():
            return set()
        by_key = {keys.tombstone(partition)["pk"]: partition for partition in partitions}
        items = self.table.batch_get(map(keys.tombstone, by_key.values()))
        return {by_key[item["pk"]] for item in items if not is_expired(item)}

    def add(self, kind: str, subject: str, *, at: datetime, lifetime: timedelta | None) -> None:
        """Note that a subject is erased, for some time or for ever (None); raises StoreDown."""
        # The marker first: a runtime that does not know it reads no tombstone.
        self._put(keys.TOMBSTONE_MARKER, "tombstone_marker", at, lifetime)
        self.add_unmarked(kind, subject, at=at, lifetime=lifetime)

    def add_unmarked(self, kind: str, subject: str, *, at: datetime, lifetime: timedelta | None) -> None:
        """Note that a subject is erased for which no new callback can come; raises StoreDown.

        Without the marker, receiving a callback still costs no read. The functions behind the stream, and
        each further attempt of a push, read the tombstone itself.
        """
        key = keys.tombstone(keys.partition(kind, subject))
        # The clock, not `at`: many subjects of one erasure have the same `at`, and become visible one by one.
        listing = keys.erasure_attributes(key, self.clock())
        if not self._put({**key, **listing}, "tombstone", at, lifetime):
            # The row lasts longer than this one would. Copies see that the erasure was repeated.
            self.table.update(key, {**listing, "erased_at": iso(at)}, "attribute_exists(pk)")

    def has_any(self) -> bool:
        """Return whether any subject is erased, up to a minute late."""
        at = self.clock()
        if self._looked_at is None or at - self._looked_at >= FRESH:
            # For a minute even if it fails: a slow store is not asked again for every callback.
            self._looked_at = at
            # If the store does not answer, what was known has to do; `project` looks again.
            with suppress(StoreDown):
                self._has_any = self._exists(keys.TOMBSTONE_MARKER)
        return self._has_any

    def _put(self, key: keys.Key, item_type: str, at: datetime, lifetime: timedelta | None) -> bool:
        """Put a row unless one that lasts longer is there; returns whether it was put."""
        expires_at = None if lifetime is None else int((at + lifetime).timestamp())
        item = {**key, "type": item_type, "erased_at": iso(at), "expires_at": expires_at}
        if expires_at is None:
            return self.table.put(item)
        condition = "attribute_not_exists(pk) OR expires_at < :expires_at"
        return self.table.put(item, condition, {":expires_at": expires_at})

    def _exists(self, key: keys.Key) -> bool:
        item = self.table.get(key, consistent=True)
        return item is not None and not is_expired(item)
