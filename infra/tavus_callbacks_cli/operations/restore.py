"""Copying items of a table that AWS restored back into the stack's table, by conditional puts.

What is there stays, for it is newer; tokens are another table and are never touched. Summaries are not
copied but made anew from the events, since those of then know nothing of what came later.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import click
from botocore.exceptions import ClientError

from tavus_callbacks.aws.errors import error_code
from tavus_callbacks.aws.stores.keys import CLAIM_PREFIX
from tavus_callbacks.aws.table import batch_get, try_write
from tavus_callbacks.domain.callbacks.families import KINDS
from tavus_callbacks_cli.output.shell import quote

if TYPE_CHECKING:
    from tavus_callbacks_cli.operations.reindex import Subject
    from tavus_callbacks_cli.targets.store import Store

# As DynamoDB's client gives and takes it: nothing is lost by reading it.
Row = dict[str, Any]
Outcome = Literal["copied", "there", "expired", "erased", "summary"]
# Tells which of some partitions were erased.
Erased = Callable[[set[str]], set[str]]

_PARALLEL = 8
_KEYS = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]


@dataclass(frozen=True, slots=True)
class Copy:
    """What became of a row, and whose it is."""

    outcome: Outcome
    partition: str


def size_of(store: "Store", source: str) -> int:
    """Return how many rows a restored table has, as AWS last counted; raises click.ClickException."""
    if source == store.table:
        raise click.UsageError(f"{source} is the stack's own table: --from names the one beside it.")
    try:
        table = store.client.describe_table(TableName=source)["Table"]
    except ClientError as error:
        if error_code(error) != "ResourceNotFoundException":
            raise
        raise click.ClickException(
            f"There is no table {quote(source)}. `aws dynamodb restore-table-to-point-in-time` makes one; "
            "docs/operations.md has the whole command."
        ) from error
    if table["KeySchema"] != _KEYS:
        raise click.ClickException(f"{source} is no events table: its key is not pk and sk.")
    return table.get("ItemCount", 0)


def restored(store: "Store", source: str, erased: Erased, *, dry_run: bool) -> Iterator[Copy]:
    """Copy what is not there and yield each row's outcome; with `dry_run` only look."""
    take = _looked if dry_run else _copied
    with ThreadPoolExecutor(_PARALLEL) as pool:
        for page in store.client.get_paginator("scan").paginate(TableName=source):
            yield from take(store, page["Items"], erased, pool)


def subjects(copies: Counter[Copy]) -> "list[Subject]":
    """Return whose events were copied: their summaries are due."""
    found = (one.partition.partition("#") for one in copies if one.outcome == "copied")
    return sorted((kind, subject) for kind, _, subject in found if kind in KINDS)


def quarantined(copies: Counter[Copy]) -> int:
    """Count the entries of quarantine that were copied."""
    return sum(one.outcome == "copied" and one.partition.startswith("quarantine#") for one in copies)


def _copied(store: "Store", rows: list[Row], erased: Erased, pool: ThreadPoolExecutor) -> Iterator[Copy]:
    wanted, passed = _sorted_out(rows, erased)
    yield from passed
    yield from pool.map(lambda row: _copy(store, row), wanted)


def _copy(store: "Store", row: Row) -> Copy:
    is_copied, _ = try_write(
        store.client.put_item,
        TableName=store.table,
        Item=row,
        ConditionExpression="attribute_not_exists(pk)",
    )
    return Copy("copied" if is_copied else "there", _partition(row))


def _looked(store: "Store", rows: list[Row], erased: Erased, _pool: ThreadPoolExecutor) -> Iterator[Copy]:
    wanted, passed = _sorted_out(rows, erased)
    yield from passed
    keys = ({"pk": row["pk"]["S"], "sk": row["sk"]["S"]} for row in wanted)
    items = batch_get(store.client, store.table, keys, ProjectionExpression="pk, sk", ConsistentRead=True)
    there = {(item["pk"], item["sk"]) for item in items}
    yield from (Copy("there" if _key(row) in there else "copied", _partition(row)) for row in wanted)


def _sorted_out(rows: list[Row], erased: Erased) -> tuple[list[Row], list[Copy]]:
    """Return the rows that are wanted, and the outcome of all others."""
    gone, now = erased({_owner(row) for row in rows}), time.time()
    outcomes = [(row, _passed_over(row, gone, now)) for row in rows]
    wanted = [row for row, outcome in outcomes if outcome is None]
    return wanted, [Copy(outcome, _partition(row)) for row, outcome in outcomes if outcome is not None]


def _passed_over(row: Row, gone: set[str], now: float) -> Outcome | None:
    if row.get("type", {}).get("S") == "summary":
        return "summary"
    if _owner(row) in gone:
        return "erased"
    # A restored table has no time to live: it holds what was due since.
    return "expired" if float(row.get("expires_at", {}).get("N", "inf")) < now else None


def _partition(row: Row) -> str:
    return str(row["pk"]["S"])


def _owner(row: Row) -> str:
    """Return the partition whose tombstone a row heeds: a claim row is its conversation's."""
    partition = _partition(row)
    return f"conversation#{row['sk']['S']}" if partition.startswith(CLAIM_PREFIX) else partition


def _key(row: Row) -> tuple[str, str]:
    return row["pk"]["S"], row["sk"]["S"]
