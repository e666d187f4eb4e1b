"""Quarantine in the events table: one row for each different body, with a count of its receipts."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from tavus_callbacks.aws.errors import store_down
from tavus_callbacks.aws.items import write_item
from tavus_callbacks.aws.stores import keys
from tavus_callbacks.aws.table import try_write
from tavus_callbacks.domain.common.timestamps import iso

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from tavus_callbacks.aws.stores.bodies import Bodies
    from tavus_callbacks.domain.callbacks.quarantine import QuarantineEntry


class QuarantineRows(NamedTuple):
    """The entries, as `receive` writes them; `retention` counts from the last receipt of a body."""

    client: "DynamoDBClient"
    table: str
    bodies: "Bodies"
    retention: timedelta | None

    def add(self, entry: "QuarantineEntry", request_id: str) -> None:
        """Add an entry, or count a further receipt; raises StoreDown if neither is certain.

        A request that is tried again counts once, because the entry names the last request.
        """
        kept_until = datetime.now(UTC) + (self.retention or timedelta(days=36500))
        first = self._first_attributes(entry)
        latest = {
            "last_received_at": iso(entry.received_at),
            "expires_at": int(kept_until.timestamp()),
            "last_request_id": request_id,
        }
        sets = [f"#{name} = if_not_exists(#{name}, :{name})" for name in first]
        sets += [f"{name} = :{name}" for name in latest]
        values = {f":{name}": value for name, value in (first | latest).items()}
        with store_down():
            try_write(
                self.client.update_item,
                TableName=self.table,
                Key=write_item(keys.quarantine(entry.quarantine_id)),
                UpdateExpression=f"SET {', '.join(sets)} ADD #count :one",
                ConditionExpression="attribute_not_exists(pk) OR last_request_id <> :last_request_id",
                ExpressionAttributeNames={**{f"#{name}": name for name in first}, "#count": "count"},
                ExpressionAttributeValues=write_item({**values, ":one": 1}),
            )

    def _first_attributes(self, entry: "QuarantineEntry") -> dict[str, Any]:
        """Return the attributes that the first receipt decides."""
        name = entry.quarantine_id
        coding = {"content_encoding": entry.content_encoding} if entry.content_encoding else {}
        return {
            "type": "quarantine",
            "quarantine_id": name,
            "status": entry.status,
            "title": entry.title,
            "detail": entry.detail,
            "label": entry.label,
            "tags": entry.tags,
            **coding,
            "first_received_at": iso(entry.received_at),
            **keys.receipt_attributes(keys.QUARANTINE_SHARDS, entry.received_at, name),
            **self.bodies.put(entry.packed, lambda: keys.QUARANTINED_BODIES),
        }
