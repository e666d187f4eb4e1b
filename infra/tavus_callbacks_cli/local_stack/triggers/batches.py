"""Delivers stream records to a function as Lambda does: in order, again after a failure, but not forever.

A function that fails gets the same batch again, or its halves if batches are bisected; bisecting costs no
retry. With partial answers it gets the records after the last one that succeeded. Records that failed too
often or grew too old are discarded to the destination, and the stream continues.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tavus_callbacks_cli.local_stack.functions.dead_letters import DiscardedRecords
from tavus_callbacks_cli.local_stack.functions.local_function import FunctionFailed

Record = dict[str, Any]


@dataclass(frozen=True)
class RetryRules:
    """A mapping's settings for failures; None means no limit, ages are seconds."""

    retries: int | None = None
    max_age: float | None = None
    bisects: bool = False
    takes_partial_answers: bool = False


@dataclass(frozen=True)
class Delivery:
    """The side effects of a delivery; `wait` takes the number of failures and returns whether to continue."""

    invoke: Callable[[Any], Any]
    discard: Callable[[DiscardedRecords], None]
    wait: Callable[[int], bool]
    clock: Callable[[], float]


@dataclass(frozen=True)
class _Batch:
    records: tuple[Record, ...]
    invocations: int = 0


def deliver(records: Sequence[Record], rules: RetryRules, delivery: Delivery) -> bool:
    """Return True once every record succeeded or was discarded, False as soon as `wait` says to stop."""
    waiting = deque([_Batch(tuple(records))])
    while waiting:
        batch = _discard_old(waiting.popleft(), rules, delivery)
        rest = _deliver_batch(batch, rules, delivery) if batch.records else []
        waiting.extendleft(reversed(rest))
        if rest and not delivery.wait(rest[0].invocations):
            return False
    return True


def _discard_old(batch: _Batch, rules: RetryRules, delivery: Delivery) -> _Batch:
    if rules.max_age is None:
        return batch
    oldest = delivery.clock() - rules.max_age
    old = tuple(
        each for each in batch.records if float(each["dynamodb"]["ApproximateCreationDateTime"]) < oldest
    )
    if old:
        delivery.discard(DiscardedRecords(old, "RecordAgeExceeded", batch.invocations))
    return replace(batch, records=tuple(record for record in batch.records if record not in old))


def _deliver_batch(batch: _Batch, rules: RetryRules, delivery: Delivery) -> list[_Batch]:
    """Invoke the function once; return the batches that are to be delivered next."""
    successes = _invoke(batch, rules, delivery)
    records, invocations = batch.records[successes:], batch.invocations + 1
    if not records:
        return []
    if not successes and rules.bisects and len(records) > 1:
        middle = len(records) // 2
        return [_Batch(half, batch.invocations) for half in (records[:middle], records[middle:])]
    if rules.retries is not None and invocations > rules.retries:
        delivery.discard(DiscardedRecords(records, "RetryAttemptsExhausted", invocations))
        return []
    return [_Batch(records, invocations)]


def _invoke(batch: _Batch, rules: RetryRules, delivery: Delivery) -> int:
    """Return how many records, from the first, succeeded; none if the answer names no record of it."""
    try:
        answer = delivery.invoke({"Records": list(batch.records)})
    except FunctionFailed:
        return 0
    if answer is None or not rules.takes_partial_answers:
        return len(batch.records)
    try:
        # The form is {"batchItemFailures": [{"itemIdentifier": …}]}.
        failed = [failure["itemIdentifier"] for failure in answer.get("batchItemFailures") or ()]
        numbers = [record["dynamodb"]["SequenceNumber"] for record in batch.records]
        return min((numbers.index(number) for number in failed), default=len(batch.records))
    except (AttributeError, KeyError, TypeError, ValueError):
        return 0
