"""Copying items of a table that AWS restored back into the stack's table, with conditional puts.

An item that is there stays, because it is newer. Tokens are in another table and are never touched. Summaries
and index entries are not copied but rebuilt from the events: the restored ones lack everything that came
later.
"""

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import click
from botocore.exceptions import ClientError

from tavus_callbacks.aws.errors import error_code
from tavus_callbacks.aws.stores.keys import CLAIM_PREFIX
from tavus_callbacks.aws.stores.tombstones import Tombstones
from tavus_callbacks.aws.table import batch_get, try_write
from tavus_callbacks.domain.callbacks.families import KINDS
from tavus_callbacks_cli.output.shell import quote

if TYPE_CHECKING:
    from tavus_callbacks_cli.operations.reindex import Subject
    from tavus_callbacks_cli.targets.store import Store

# In the form of DynamoDB's client: reading and writing it loses nothing.
Row = dict[str, Any]
Outcome = Literal["copied", "there", "expired", "erased", "derived"]
# The types of rows that are rebuilt from events, and of the note that says which of them exist.
_DERIVED = ("summary", "entry", "coverage")

_PARALLEL = 8
_KEYS = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]


@dataclass(frozen=True, slots=True)
class Copy:
    """The outcome for a row, and its partition."""

    outcome: Outcome
    partition: str


@dataclass(frozen=True, slots=True)
class Restore:
    """A restored table, and the store to copy it into."""

    store: "Store"
    source: str

    def row_count(self) -> int:
        """Return how many rows the table has, as AWS last counted; raises click.ClickException."""
        if self.source == self.store.table:
            raise click.UsageError(
                f"{self.source} is the stack's own table. Use --from with the restored table."
            )
        try:
            table = self.store.client.describe_table(TableName=self.source)["Table"]
        except ClientError as error:
            if error_code(error) != "ResourceNotFoundException":
                raise
            raise click.ClickException(
                f"There is no table {quote(self.source)}. "
                "`aws dynamodb restore-table-to-point-in-time` creates one. "
                "docs/operations.md has the whole command."
            ) from error
        if table["KeySchema"] != _KEYS:
            raise click.ClickException(
                f"{self.source} is not an events table, because its key is not pk and sk."
            )
        return table.get("ItemCount", 0)

    def copy(self, *, dry_run: bool) -> Iterator[Copy]:
        """Copy the rows that the store lacks and yield each row's outcome; a dry run copies nothing."""
        # The same for all pages: each looks for the marker once a minute.
        tombstones = self._tombstones()
        with ThreadPoolExecutor(_PARALLEL) as pool:
            for page in self.store.client.get_paginator("scan").paginate(TableName=self.source):
                wanted, others = _sort(page["Items"], tombstones)
                yield from others
                yield from self._compare(wanted) if dry_run else pool.map(self._copy_row, wanted)

    def has_tombstones(self) -> bool:
        """Tell whether anybody was erased, before the time of the restored table or after it."""
        return any(tombstones.has_any() for tombstones in self._tombstones())

    def _tombstones(self) -> list[Tombstones]:
        return [Tombstones(self.store.client, table) for table in (self.store.table, self.source)]

    def _compare(self, rows: list[Row]) -> Iterator[Copy]:
        client, table = self.store.client, self.store.table
        keys = ({"pk": row["pk"]["S"], "sk": row["sk"]["S"]} for row in rows)
        items = batch_get(client, table, keys, ProjectionExpression="pk, sk", ConsistentRead=True)
        there = {(item["pk"], item["sk"]) for item in items}
        for row in rows:
            is_there = (row["pk"]["S"], row["sk"]["S"]) in there
            yield Copy("there" if is_there else "copied", row["pk"]["S"])

    def _copy_row(self, row: Row) -> Copy:
        is_copied, _ = try_write(
            self.store.client.put_item,
            TableName=self.store.table,
            Item=row,
            ConditionExpression="attribute_not_exists(pk)",
        )
        return Copy("copied" if is_copied else "there", row["pk"]["S"])


def _sort(rows: list[Row], tombstones: list[Tombstones]) -> tuple[list[Row], list[Copy]]:
    """Return the rows to copy, and the outcomes of all others."""
    owners, now = {_owner(row) for row in rows}, time.time()
    erased = set().union(*(each.among(owners) for each in tombstones))
    wanted, others = [], []
    for row in rows:
        # A restored table has no time to live: it holds rows that have expired since.
        is_expired = float(row.get("expires_at", {}).get("N", "inf")) < now
        if row.get("type", {}).get("S") in _DERIVED:
            others.append(Copy("derived", row["pk"]["S"]))
        elif _owner(row) in erased:
            others.append(Copy("erased", row["pk"]["S"]))
        elif is_expired:
            others.append(Copy("expired", row["pk"]["S"]))
        else:
            wanted.append(row)
    return wanted, others


def _owner(row: Row) -> str:
    """Return the partition whose tombstone a row follows: a claim row follows its conversation's."""
    partition = str(row["pk"]["S"])
    return f"conversation#{row['sk']['S']}" if partition.startswith(CLAIM_PREFIX) else partition


def copied_subjects(copies: Counter[Copy]) -> "list[Subject]":
    """Return the subjects whose events were copied: their summaries must be rebuilt."""
    partitions = (copy.partition.partition("#") for copy in copies if copy.outcome == "copied")
    return sorted((kind, subject) for kind, _, subject in partitions if kind in KINDS)


def has_quarantine(copies: Counter[Copy]) -> bool:
    """Tell whether entries of quarantine were copied."""
    return any(copy.outcome == "copied" and copy.partition.startswith("quarantine#") for copy in copies)
