"""The events table as its writers use it: one conditional put stores an event and checks for duplicates.

identity   content    stored under
new        any        <ref>                 stored
known      same       -                     duplicate
known      other      <ref>-v<content>      stored, with the issue `variant`
no time    same       <ref>-<number>        stored, unless it repeats an event within the window
"""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal, NamedTuple

from tavus_callbacks.aws.items import Item
from tavus_callbacks.aws.stores import keys
from tavus_callbacks.aws.stores.tombstones import Tombstones
from tavus_callbacks.aws.table import Table
from tavus_callbacks.domain.callbacks.event import (
    Event,
    repeat_number,
    repeat_ref,
    repeat_window,
    variant_ref,
)
from tavus_callbacks.domain.common import issues
from tavus_callbacks.domain.common.timestamps import iso, parse

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from tavus_callbacks.aws.stores.bodies import Bodies

# The latest repeats of a body without a time, with which a new one is compared.
_LATEST_REPEATS = 100


class KeepResult(NamedTuple):
    """How an event was stored. The issue `variant` says that its identity exists with other content.

    The status `erased` says that the event was dropped, because its subject is erased.
    """

    status: Literal["stored", "duplicate", "erased"]
    ref: str
    issues: tuple[str, ...] = ()


class EventsTable:
    """The table of events; it drops events of subjects that have a tombstone."""

    __slots__ = ("bodies", "client", "name", "retention", "table", "tombstones")

    def __init__(
        self, client: "DynamoDBClient", name: str, bodies: "Bodies", retention: timedelta | None
    ) -> None:
        self.client, self.name, self.bodies, self.retention = client, name, bodies, retention
        self.table, self.tombstones = Table(client, name), Tombstones(client, name)

    def keep(self, event: Event, *, kept_at: datetime, request_id: str = "") -> KeepResult:
        """Store an event unless it is stored already or its subject is erased.

        Raises StoreDown if that is uncertain. To try again, call with the same `kept_at` and `request_id`: an
        item that an unanswered attempt wrote then counts as this request's own.
        """
        if self.tombstones.has(event.kind, event.subject):
            return KeepResult("erased", event.ref)
        body = self.body_attributes(event)
        return self.keep_with_body(event, body, kept_at=kept_at, request_id=request_id)

    def body_attributes(self, event: Event) -> Item:
        """Return the attributes of an event's body; puts a large body into the bucket. Raises StoreDown."""
        return self.bodies.put(event.packed, lambda: keys.event_bodies(event.kind, event.subject))

    def keep_with_body(
        self, event: Event, body: Item, *, kept_at: datetime, request_id: str = ""
    ) -> KeepResult:
        """Store an event with the attributes of its body.

        A caller whose upload may take longer than SETTLE uses the two steps: it takes `kept_at` between them.
        It checks `tombstones` first, because no body of an erased subject may be uploaded.
        """
        write = _Write(event, kept_at, request_id, self.retention, body)
        there = self._put(write, event.ref)
        if there is None:
            return KeepResult("stored", event.ref)
        if event.occurred_at is None:
            return self._keep_repeat(write, there)
        if there["content"] == event.content:
            return KeepResult("duplicate", event.ref)
        return self._keep_variant(write)

    def keep_variant(self, event: Event, body: Item, *, kept_at: datetime) -> KeepResult:
        """Store other content for an event that is known to be stored."""
        return self._keep_variant(_Write(event, kept_at, "", self.retention, body))

    def _keep_variant(self, write: "_Write") -> KeepResult:
        event = write.event
        there = self._put(write, variant_ref(event.ref, event.content), is_variant=True)
        return KeepResult("stored" if there is None else "duplicate", event.ref, (issues.VARIANT,))

    def _keep_repeat(self, write: "_Write", there: Item) -> KeepResult:
        """Keep a repeated body without a time: a duplicate within the window, else the next in the line.

        A conditional put takes the next number of the line, so two late repeats at once make one event.
        """
        event = write.event
        line = [there, *self._latest_repeats(event)]
        while not (near := [item for item in line if _is_within_window(event, item)]):
            ref = repeat_ref(event.ref, 1 + max(repeat_number(item["ref"]) for item in line))
            taken = self._put(write, ref)
            if taken is None:
                return KeepResult("stored", ref)
            line.append(taken)
        own = next(
            (item["ref"] for item in near if item["receipt"] == write.row_keys(item["ref"])["receipt"]), None
        )
        return KeepResult("stored", own) if own else KeepResult("duplicate", near[0]["ref"])

    def _latest_repeats(self, event: Event) -> list[Item]:
        """Return the end of the line: a guardrail can trigger all day, and each trigger reads it."""
        first = keys.event(event.kind, event.subject, event.ref)
        page, _ = self.table.query_page(
            "pk = :pk AND begins_with(sk, :line)",
            {":pk": first["pk"], ":line": first["sk"] + "-"},
            # The role requires these attributes and this word.
            Select="SPECIFIC_ATTRIBUTES",
            ProjectionExpression="#ref, received_at, receipt",
            ExpressionAttributeNames={"#ref": "ref"},
            ConsistentRead=True,
            ScanIndexForward=False,
            Limit=_LATEST_REPEATS,
        )
        return page

    def _put(self, write: "_Write", ref: str, *, is_variant: bool = False) -> Item | None:
        """Put the item unless its key is taken; return the item of another request that has the key."""
        item = write.item(ref, is_variant=is_variant)
        there = self.table.put_if_absent(item)
        return None if there is None or there["receipt"] == item["receipt"] else there


class _Write(NamedTuple):
    """The part that all puts of one call share."""

    event: Event
    kept_at: datetime
    request_id: str
    retention: timedelta | None
    body: Item

    def row_keys(self, ref: str) -> keys.Key:
        """Return the keys of the item under a reference."""
        return keys.event_attributes(self.event.kind, self.event.subject, ref, self.kept_at, self.request_id)

    def item(self, ref: str, *, is_variant: bool) -> Item:
        """Return the item under a reference."""
        event = self.event
        return {
            **self.row_keys(ref),
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
            "expires_at": self.retention and int((self.kept_at + self.retention).timestamp()),
            **self.body,
        }


def _is_within_window(event: Event, item: Item) -> bool:
    received_at = parse(item["received_at"])
    return received_at is not None and abs(event.received_at - received_at) <= repeat_window(event.family)
