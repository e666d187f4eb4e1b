"""The events table as `receive` writes it: one conditional put stores the event and checks for duplicates."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from botocore.exceptions import ClientError

from tavus_callbacks.aws.errors import error_code, store_down
from tavus_callbacks.aws.items import read_item, write_item
from tavus_callbacks.aws.stores import keys
from tavus_callbacks.aws.stores.tombstones import Tombstones
from tavus_callbacks.domain.callbacks.event import (
    Event,
    repeat_number,
    repeat_ref,
    repeat_window,
    variant_ref,
)
from tavus_callbacks.domain.common import issues
from tavus_callbacks.domain.common.digests import digest
from tavus_callbacks.domain.common.timestamps import iso, parse
from tavus_callbacks.domain.events import feed

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from tavus_callbacks.aws.stores.bodies import Bodies

Status = Literal["stored", "duplicate", "erased"]

# Repeats of a timeless body that a new one is compared with, the latest ones.
_LINE_END = 100


class Kept(NamedTuple):
    """How an event was kept; the issue `variant` says that its identity was there with other content.

    `erased` says that it was not, for its subject was erased.
    """

    status: Status
    ref: str
    issues: tuple[str, ...] = ()


class EventsTable:
    """The table of events; it honours the tombstones that lie in it."""

    __slots__ = ("bodies", "client", "name", "retention", "tombstones")

    def __init__(
        self, client: "DynamoDBClient", name: str, bodies: "Bodies", retention: timedelta | None
    ) -> None:
        self.client, self.name, self.bodies, self.retention = client, name, bodies, retention
        self.tombstones = Tombstones(client, name)

    def keep(self, event: Event, *, kept_at: datetime, request_id: str = "") -> Kept:
        """Keep an event unless it is there or its subject was erased; raises StoreDown where none is certain.

        To try again, call with the same `kept_at` and `request_id`: what an unanswered attempt wrote is then
        known as ours, and not taken for another's.
        """
        if self.tombstones.has(event.kind, event.subject):
            return Kept("erased", event.ref)
        return self.keep_packed(event, self.packed(event), kept_at=kept_at, request_id=request_id)

    def packed(self, event: Event) -> dict[str, Any]:
        """Return the attributes of an event's body, a large one put into the bucket; raises StoreDown."""
        return self.bodies.attributes(event.packed, keys.event_bodies(event.kind, event.subject))

    def keep_packed(
        self, event: Event, body: dict[str, Any], *, kept_at: datetime, request_id: str = ""
    ) -> Kept:
        """Keep an event whose body is `packed`: apart, where that may take longer than pulling waits.

        Who calls these two asks `tombstones` before: of who was erased no body is to be put.
        """
        write = _Write(event, kept_at, request_id, self.retention, body)
        there = self._put(write, event.ref)
        if there is None:
            return Kept("stored", event.ref)
        if event.occurred_at is None:
            return self._keep_repeat(write, there)
        if there["content"] == event.content:
            return Kept("duplicate", event.ref)
        return self._keep_variant(write)

    def keep_variant(self, event: Event, body: dict[str, Any], *, kept_at: datetime) -> Kept:
        """Keep other content for an event that is known to be there, under the event's own `ref`."""
        return self._keep_variant(_Write(event, kept_at, "", self.retention, body))

    def _keep_variant(self, write: "_Write") -> Kept:
        event = write.event
        there = self._put(write, variant_ref(event.ref, event.content))
        return Kept("stored" if there is None else "duplicate", event.ref, (issues.VARIANT,))

    def _keep_repeat(self, write: "_Write", there: dict[str, Any]) -> Kept:
        """Keep a timeless body that was kept before: a duplicate within the window, else the next in line.

        A number in the line is taken by a conditional put, so two late repeats at once make one event.
        """
        event = write.event
        line = [there, *self._latest_repeats(event)]
        while not (near := [item for item in line if _within_window(event, item)]):
            ref = repeat_ref(event.ref, 1 + max(repeat_number(item["ref"]) for item in line))
            taken = self._put(write, ref)
            if taken is None:
                return Kept("stored", ref)
            line.append(taken)
        ours = [item["ref"] for item in near if write.is_ours(item)]
        return Kept("stored", ours[0]) if ours else Kept("duplicate", near[0]["ref"])

    def _latest_repeats(self, event: Event) -> list[dict[str, Any]]:
        """Return the end of the line: a guardrail can trigger all day, and each trigger reads it."""
        first = keys.event(event.kind, event.subject, event.ref)
        with store_down():
            page = self.client.query(
                TableName=self.name,
                KeyConditionExpression="pk = :pk AND begins_with(sk, :line)",
                ExpressionAttributeValues=write_item({":pk": first["pk"], ":line": first["sk"] + "-"}),
                # The role asks for these attributes and for this word.
                Select="SPECIFIC_ATTRIBUTES",
                ProjectionExpression="#ref, received_at, receipt",
                ExpressionAttributeNames={"#ref": "ref"},
                ConsistentRead=True,
                ScanIndexForward=False,
                Limit=_LINE_END,
            )
        return [read_item(row) for row in page["Items"]]

    def _put(self, write: "_Write", ref: str) -> dict[str, Any] | None:
        """Put the item unless its key is taken; return the item that has it, unless that is this one."""
        item = write_item(write.item(ref))
        with store_down():
            try:
                self.client.put_item(
                    TableName=self.name,
                    Item=item,
                    ConditionExpression="attribute_not_exists(pk)",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
            except ClientError as error:
                if error_code(error) != "ConditionalCheckFailedException":
                    raise
                there: dict[str, Any] = error.response["Item"]  # type: ignore[typeddict-item]  # by ALL_OLD
                return None if there["receipt"] == item["receipt"] else read_item(there)
        return None


class _Write(NamedTuple):
    """What all puts of one call have in common."""

    event: Event
    kept_at: datetime
    request_id: str
    retention: timedelta | None
    body: dict[str, Any]

    def name(self, ref: str) -> str:
        """Return what an item is called in the order of receipt: no other request gives it that name."""
        about = f"{keys.partition(self.event.kind, self.event.subject)}#{ref}#{self.request_id}"
        return digest(about)

    def is_ours(self, item: dict[str, Any]) -> bool:
        """Tell whether an item is what an attempt of this request wrote."""
        name = self.name(item["ref"])
        return bool(item["receipt"] == feed.receipt(self.kept_at, name))

    def item(self, ref: str) -> dict[str, Any]:
        """Return the item under a reference."""
        event = self.event
        is_variant, name = ref == variant_ref(event.ref, event.content), self.name(ref)
        return {
            **keys.event(event.kind, event.subject, ref),
            "type": "variant" if is_variant else "event",
            "ref": ref,
            "family": event.family,
            "kind": event.kind,
            "subject": event.subject,
            "event_type": event.event_type,
            "occurred_at": event.occurred_at and iso(event.occurred_at),
            "received_at": iso(event.received_at),
            "label": event.label,
            "tags": event.tags,
            "issues": [*event.issues, *((issues.VARIANT,) if is_variant else ())],
            "content": event.content,
            "source": None if event.source == "callback" else event.source,
            "receipt_shard": feed.shard(feed.event_shards(), name),
            "receipt": feed.receipt(self.kept_at, name),
            "expires_at": self.retention and int((self.kept_at + self.retention).timestamp()),
            **self.body,
        }


def _within_window(event: Event, item: dict[str, Any]) -> bool:
    received_at = parse(item["received_at"])
    return received_at is not None and abs(event.received_at - received_at) <= repeat_window(event.family)
