"""Simulates the batches and summaries that a callback costs `project`, by rate and `SummaryWindow`.

Conversations of five callbacks start at random times. Each subject belongs to one shard of the stream, whose
reader gathers until the window ends or the batch is full. Lambda opens the next window as soon as an
invocation has ended (AWS's guide, "Batching behavior"), so windows follow each other. docs/tavus.md,
"Timing", lists the few sources for the time of callbacks after the end of a call.
"""

import random
from collections.abc import Iterator
from typing import NamedTuple

# An on-demand table starts with so many partitions, each a shard of its stream (believed). Lambda polls a
# shard four times a second; without a window, the records that it finds are a batch.
SHARDS, POLL = 4, 0.25
CALLBACKS = 5
# Seconds of a call, and from its end to its recording; no source has their distribution.
_CALL, _RECORDING = (120, 1200), (5, 180)
# Seconds from the end to transcript and perception: from a real call, and from the documented example.
_TRANSCRIPT, _PERCEPTION = 0.4, 180


class Gathered(NamedTuple):
    """Batches, and summaries read and written, per callback."""

    batches: float
    summaries: float


def simulate_batches(rate: float, window: int, largest: int, *, callbacks: int = 100_000) -> Gathered:
    """Gather callbacks that arrive at a rate a second into batches, within a window of seconds."""
    chance = random.Random(window)  # noqa: S311 - no secret
    batches = [
        each for shard in _shards(rate, callbacks, chance) for each in _batches(shard, window, largest)
    ]
    total = sum(map(len, batches))
    return Gathered(len(batches) / total, sum(len(set(batch)) for batch in batches) / total)


def _shards(rate: float, callbacks: int, chance: random.Random) -> list[list[tuple[float, int]]]:
    """Return the time and subject of callbacks, in order, for each shard."""
    shards: list[list[tuple[float, int]]] = [[] for _ in range(SHARDS)]
    conversations = callbacks // CALLBACKS
    for subject in range(conversations):
        joined = chance.uniform(0, callbacks / rate)
        shards[chance.randrange(SHARDS)] += ((at, subject) for at in _times(joined, chance))
    return [sorted(shard) for shard in shards]


def _times(joined: float, chance: random.Random) -> tuple[float, ...]:
    end = joined + chance.uniform(*_CALL)
    return joined, end, end + _TRANSCRIPT, end + _PERCEPTION, end + chance.uniform(*_RECORDING)


def _batches(shard: list[tuple[float, int]], window: int, largest: int) -> Iterator[list[int]]:
    """Yield the subjects of each batch."""
    batch: list[int] = []
    length, ends = max(window, POLL), 0.0
    for at, subject in shard:
        if batch and (at >= ends or len(batch) == largest):
            yield batch
            # A full batch is delivered at once, and the next window opens then.
            ends, batch = min(at, ends), []
        if at >= ends:
            ends += length * (1 + (at - ends) // length)
        batch.append(subject)
    yield batch
