"""Summaries in the events table, and the index that lists them.

pk = <kind>#<subject>    sk = s1
listing: <kind>#<0 to 7>, by first receipt
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from tavus_callbacks.aws import rows
from tavus_callbacks.aws.events import partition
from tavus_callbacks.aws.failures import code, store_down
from tavus_callbacks.aws.index import Index
from tavus_callbacks.domain import receipts, summary
from tavus_callbacks.domain.errors import StoreDown

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

SORT_KEY = "s1"

# Writers of one subject come one after the other from its shard of the stream; a reindex may meet one.
_TRIES = 5

# Pages that a filter may empty before the answer goes out with what there is and a cursor.
_ROUNDS = 4


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a list: before a place (None for the newest), since a time, so many."""

    before: str | None
    since: str
    limit: int


@dataclass(frozen=True, slots=True)
class Listed:
    """A page, and the place where the next one begins, None at the end."""

    page: list[Any]
    following: str | None


@dataclass(frozen=True, slots=True)
class SummaryRows:
    """The rows of summaries."""

    client: "DynamoDBClient"
    table: str

    def merge(self, kind: str, subject: str, facts: summary.SubjectFacts) -> summary.SubjectFacts:
        """Merge facts into a subject's summary and return what it says now; raises StoreDown."""
        for _ in range(_TRIES):
            before = self._get(kind, subject)
            text = before.get("facts")
            merged = summary.merge_facts(kind, text, facts)
            if merged.model_dump_json() == text or self._put(
                kind, subject, merged, before.get("revision", 0)
            ):
                return merged
        raise StoreDown("contention over a summary")

    def listed(self, kind: str, span: Span, keep: Callable[[str, summary.SubjectFacts], Any]) -> Listed:
        """Return what `keep` makes of the newest summaries, leaving out its Nones."""
        kept: list[Any] = []
        before = span.before
        for _ in range(_ROUNDS):
            page = self._page(kind, Span(before, span.since, span.limit))
            for before, subject, facts in page:
                view = keep(subject, facts)
                kept += [] if view is None else [view]
                if len(kept) == span.limit:
                    return Listed(kept, before)
            if len(page) < span.limit:
                return Listed(kept, None)
        return Listed(kept, before)

    def _page(self, kind: str, span: Span) -> list[tuple[str, str, summary.SubjectFacts]]:
        """Return (place, subject, facts), newest first; one that has gone meanwhile is left out."""
        keys = self.index().newest(
            summary.shards(kind), before=span.before, since=span.since, limit=span.limit
        )
        items = (item for item in self.index().items(keys) if item)
        return [(item["listed"], item["subject"], summary.parse_facts(kind, item["facts"])) for item in items]

    def index(self) -> Index:
        """Return the index that lists summaries."""
        return Index(self.client, self.table, "listing", "listing_shard", "listed")

    def _get(self, kind: str, subject: str) -> dict[str, Any]:
        key = rows.write({"pk": partition(kind, subject), "sk": SORT_KEY})
        with store_down():
            found = self.client.get_item(TableName=self.table, Key=key, ConsistentRead=True)
        return rows.read(found.get("Item", {}))

    def _put(self, kind: str, subject: str, facts: summary.SubjectFacts, revision: int) -> bool:
        """Put a summary unless another writer came first."""
        item = _item(kind, subject, facts, revision + 1)
        with store_down():
            try:
                self.client.put_item(
                    TableName=self.table,
                    Item=rows.write(item),
                    ConditionExpression="attribute_not_exists(pk) OR revision = :revision",
                    ExpressionAttributeValues=rows.write({":revision": revision}),
                )
            except ClientError as error:
                if code(error) != "ConditionalCheckFailedException":
                    raise
                return False
        return True


def _item(kind: str, subject: str, facts: summary.SubjectFacts, revision: int) -> dict[str, Any]:
    pk = partition(kind, subject)
    return {
        "pk": pk,
        "sk": SORT_KEY,
        "type": "summary",
        "kind": kind,
        "subject": subject,
        "facts": facts.model_dump_json(),
        "revision": revision,
        "listing_shard": receipts.shard(summary.shards(kind), pk),
        "listed": receipts.receipt(
            facts.receipt.received_first_at, hashlib.sha256(pk.encode()).hexdigest()[:32]
        ),
    }
