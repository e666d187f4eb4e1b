"""How often Tavus was asked about a conversation, the outcome, and when to ask again."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tavus_callbacks.aws.items import Item
from tavus_callbacks.aws.stores import keys
from tavus_callbacks.aws.stores.tombstones import Tombstones
from tavus_callbacks.aws.table import Table
from tavus_callbacks.domain.common.timestamps import iso, now, parse
from tavus_callbacks.domain.repair.open_conversations import Attempts

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_KIND, _TYPE = "conversation", "reading"


def parse_attempts(item: Item | None) -> Attempts:
    """Parse a row; None stands for a conversation without attempts."""
    row = item or {}
    return Attempts(int(row.get("attempts", 0)), row.get("outcome"), parse(row.get("next_at")))


def confirmed_at(items: Iterable[Item]) -> datetime | None:
    """Return when Tavus last showed every event of a conversation, by the conversation's rows."""
    return next((parse(item.get("confirmed_at")) for item in items if item["type"] == _TYPE), None)


class AttemptRows:
    """The rows; each expires when `retention` has passed since its last write, None for never."""

    def __init__(self, client: "DynamoDBClient", table: str, retention: timedelta | None) -> None:
        self.table, self.retention = Table(client, table), retention
        self.tombstones = Tombstones(client, table)

    def claim(self, conversation_id: str, before: Attempts, *, next_at: datetime) -> bool:
        """Take the next attempt before it is made; `before` are the attempts as they were read.

        Returns False if another run took it or the conversation is erased. Raises StoreDown.
        """
        attributes = {"attempts": before.count + 1, "next_at": iso(next_at)}
        if not before.count:
            return self._update(conversation_id, attributes, "attribute_not_exists(attempts)")
        return self._update(conversation_id, attributes, "attempts = :seen", {":seen": before.count})

    def note(self, conversation_id: str, *, at: datetime, outcome: str, confirmed: bool = False) -> None:
        """Note the outcome of an attempt, unless the conversation is erased; raises StoreDown."""
        attributes = {"read_at": iso(at), "outcome": outcome}
        self._update(conversation_id, attributes | ({"confirmed_at": iso(at)} if confirmed else {}))

    def _update(
        self, conversation_id: str, attributes: Item, condition: str | None = None, values: Item | None = None
    ) -> bool:
        # It may have been erased since the list was read, or while Tavus was asked.
        if self.tombstones.is_erased(_KIND, conversation_id):
            return False
        expiry = {"expires_at": int((now() + self.retention).timestamp())} if self.retention else {}
        fixed = {"type": _TYPE, "kind": _KIND, "subject": conversation_id}
        return self.table.update(
            keys.repair_attempt(conversation_id), {**fixed, **attributes, **expiry}, condition, values
        )
