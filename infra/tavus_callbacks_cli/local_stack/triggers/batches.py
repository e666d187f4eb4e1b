"""How Lambda hands records of a stream to a function: in order, again when it failed, and not for ever.

A function that fails gets the same batch again; with bisecting it gets halves, which costs no retry. With
partial answers it gets what follows the last record that went well. What failed too often or grew too old is
discarded to the destination and the stream goes on.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from tavus_callbacks_cli.local_stack.functions.functions import FunctionFailed

Record = dict[str, Any]
Condition = Literal["RetryAttemptsExhausted", "RecordAgeExceeded"]


@dataclass(frozen=True)
class Rules:
    """What a mapping says of failures; None is without end, ages are seconds."""

    retries: int | None = None
    max_age: float | None = None
    bisects: bool = False
    takes_partial_answers: bool = False


@dataclass(frozen=True)
class Discarded:
    """Records that are given up, why, and how often the function was called with them."""

    records: tuple[Record, ...]
    condition: Condition
    invocations: int


@dataclass(frozen=True)
class Surroundings:
    """What the delivery needs of the world; `wait` is told how often it failed, and says whether to go on."""

    invoke: Callable[[Any], Any]
    discard: Callable[[Discarded], None]
    wait: Callable[[int], bool]
    clock: Callable[[], float]


@dataclass(frozen=True)
class _Batch:
    records: tuple[Record, ...]
    invocations: int = 0


def deliver(records: Sequence[Record], rules: Rules, world: Surroundings) -> None:
    """Return when each record was taken, discarded, or there is no more waiting."""
    waiting = deque([_Batch(tuple(records))])
    while waiting:
        batch = _without_old(waiting.popleft(), rules, world)
        left = _left_of(batch, rules, world) if batch.records else []
        waiting.extendleft(reversed(left))
        if left and not world.wait(left[0].invocations):
            return


def _without_old(batch: _Batch, rules: Rules, world: Surroundings) -> _Batch:
    if rules.max_age is None:
        return batch
    oldest = world.clock() - rules.max_age
    old = tuple(record for record in batch.records if _created(record) < oldest)
    if old:
        world.discard(Discarded(old, "RecordAgeExceeded", batch.invocations))
    return replace(batch, records=tuple(record for record in batch.records if record not in old))


def _created(record: Record) -> float:
    return float(record["dynamodb"]["ApproximateCreationDateTime"])


def _left_of(batch: _Batch, rules: Rules, world: Surroundings) -> list[_Batch]:
    taken = _invoke(batch, rules, world)
    records, invocations = batch.records[taken:], batch.invocations + 1
    if not records:
        return []
    if not taken and rules.bisects and len(records) > 1:
        middle = len(records) // 2
        return [_Batch(half, batch.invocations) for half in (records[:middle], records[middle:])]
    if rules.retries is not None and invocations > rules.retries:
        world.discard(Discarded(records, "RetryAttemptsExhausted", invocations))
        return []
    return [_Batch(records, invocations)]


def _invoke(batch: _Batch, rules: Rules, world: Surroundings) -> int:
    """Return how many records, from the first, the function took."""
    try:
        answer = world.invoke({"Records": list(batch.records)})
    except FunctionFailed:
        return 0
    return _taken(answer, batch.records) if rules.takes_partial_answers else len(batch.records)


def _taken(answer: Any, records: tuple[Record, ...]) -> int:
    """Read `{"batchItemFailures": [{"itemIdentifier": …}]}`; one that names no record fails it all."""
    if answer is None:
        return len(records)
    try:
        failed = [failure["itemIdentifier"] for failure in answer.get("batchItemFailures") or ()]
        numbers = [record["dynamodb"]["SequenceNumber"] for record in records]
        return min((numbers.index(number) for number in failed), default=len(records))
    except (AttributeError, KeyError, TypeError, ValueError):
        return 0
