"""What was read of Tavus's API about a conversation: when, with what outcome, and when to ask again.

pk = conversation#<id>    sk = a1
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from tavus_callbacks.aws.errors import error_code, store_down
from tavus_callbacks.aws.items import write_item
from tavus_callbacks.aws.stores import keys
from tavus_callbacks.aws.stores.tombstones import Tombstones
from tavus_callbacks.domain.common.timestamps import iso, now, parse

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TYPE = "reading"

Item = dict[str, Any]


def key_of(conversation_id: str) -> Item:
    """Return the key of a conversation's row, as plain values."""
    return keys.repair_attempt(conversation_id)


@dataclass(frozen=True, slots=True)
class ReadingRows:
    """The rows; `retention` is how long one is kept after it was written last, None for ever."""

    client: "DynamoDBClient"
    table: str
    retention: timedelta | None

    def claim(self, conversation_id: str, before: Mapping[str, Any] | None, *, next_at: datetime) -> bool:
        """Take the next attempt to ask, before it is made.

        Returns False if another run took it or the subject is erased. `before` is the row as it was read,
        None if there was none. Raises StoreDown.
        """
        attempts = int((before or {}).get("attempts", 0))
        values = {"attempts": attempts + 1, "next_at": iso(next_at)}
        seen = "attempts = :seen" if attempts else "attribute_not_exists(attempts)"
        return self._set(conversation_id, values, seen, {":seen": attempts} if attempts else {})

    def note(self, conversation_id: str, *, at: datetime, outcome: str, confirmed: bool = False) -> None:
        """Note what a reading came to, unless the subject is erased; raises StoreDown."""
        values = {"read_at": iso(at), "outcome": outcome, **({"confirmed_at": iso(at)} if confirmed else {})}
        self._set(conversation_id, values, None, {})

    def _set(
        self, conversation_id: str, values: Item, condition: str | None, seen: Mapping[str, Any]
    ) -> bool:
        # The subject may have been erased since its list was read, or while Tavus was asked.
        if Tombstones(self.client, self.table).is_there("conversation", conversation_id):
            return False
        expiry = {"expires_at": int((now() + self.retention).timestamp())} if self.retention else {}
        fixed = {"type": TYPE, "kind": "conversation", "subject": conversation_id}
        sets = {**fixed, **values, **expiry}
        request: dict[str, Any] = {"ConditionExpression": condition} if condition else {}
        with store_down():
            try:
                self.client.update_item(
                    TableName=self.table,
                    Key=write_item(key_of(conversation_id)),
                    UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in sets),
                    ExpressionAttributeNames={f"#{name}": name for name in sets},
                    ExpressionAttributeValues=write_item(
                        {**{f":{name}": value for name, value in sets.items()}, **seen}
                    ),
                    **request,
                )
            except ClientError as error:
                if error_code(error) != "ConditionalCheckFailedException":
                    raise
                return False
        return True


def confirmed_at(items: Iterable[Item]) -> datetime | None:
    """Return when Tavus last showed all that was kept of a conversation, by its rows; None for never."""
    found = (item.get("confirmed_at") for item in items if item["type"] == TYPE)
    return next(filter(None, map(parse, found)), None)
