"""Quarantine in the events table: one row a digest, counting how often the same body came.

pk = quarantine#<digest of the redacted body>    sk = entry
"""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from tavus_callbacks.aws.errors import store_down
from tavus_callbacks.aws.items import write_item
from tavus_callbacks.aws.stores import keys
from tavus_callbacks.domain.common.timestamps import iso

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from tavus_callbacks.aws.stores.bodies import Bodies
    from tavus_callbacks.domain.callbacks.quarantine import QuarantineEntry


class QuarantineRows(NamedTuple):
    """The entries as `receive` writes them; `retention` counts from the last time a body came."""

    client: "DynamoDBClient"
    table: str
    bodies: "Bodies"
    retention: timedelta | None

    def keep(self, entry: "QuarantineEntry", request_id: str) -> None:
        """Add an entry, or count one that is there; raises StoreDown where neither is certain.

        A request that tries again counts once: the entry names the last one.
        """
        first, latest = self._first(entry), self._latest(entry) | {"last_request_id": request_id}
        names = {f"#{name}": name for name in first}
        sets = [f"#{name} = if_not_exists(#{name}, :{name})" for name in first]
        sets += [f"{name} = :{name}" for name in latest]
        values = {f":{name}": value for name, value in (first | latest).items()}
        with store_down(), suppress(self.client.exceptions.ConditionalCheckFailedException):
            self.client.update_item(
                TableName=self.table,
                Key=write_item(keys.quarantine(entry.quarantine_id)),
                UpdateExpression=f"SET {', '.join(sets)} ADD #count :one",
                ConditionExpression="attribute_not_exists(pk) OR last_request_id <> :last_request_id",
                ExpressionAttributeNames={**names, "#count": "count"},
                ExpressionAttributeValues=write_item({**values, ":one": 1}),
            )

    def _first(self, entry: "QuarantineEntry") -> dict[str, Any]:
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
            **self.bodies.attributes(entry.packed, lambda: keys.QUARANTINED_BODIES),
        }

    def _latest(self, entry: "QuarantineEntry") -> dict[str, Any]:
        kept_until = datetime.now(UTC) + (self.retention or timedelta(days=36500))
        return {"last_received_at": iso(entry.received_at), "expires_at": int(kept_until.timestamp())}
