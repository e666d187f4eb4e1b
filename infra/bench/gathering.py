"""How many batches and how many summaries a callback costs `project`, by rate and by `SummaryWindow`.

Conversations of five callbacks come at random times; each subject is of one shard of the stream, whose reader
gathers until the window ends or the batch is full. Lambda opens the next window as soon as an invocation has
ended (AWS's guide, "Batching behavior"), so that windows follow each other. Few sources say when callbacks
arrive after the end of a call: docs/tavus.md, "Timing", lists them.
"""

import random
from collections.abc import Iterator
from typing import NamedTuple

# A table on demand begins with so many partitions, each a shard of its stream (believed); Lambda asks a shard
# four times a second, and what it finds then is a batch where there is no window.
SHARDS, POLL = 4, 0.25
CALLBACKS = 5
# Seconds of a call, and from its end to its recording; no source tells how they are spread.
_CALL, _RECORDING = (120, 1200), (5, 180)
# From the end to transcript and perception: 0.4 s of a real call, three minutes of the documented example.
_TRANSCRIPT, _PERCEPTION = 0.4, 180


class Gathered(NamedTuple):
    """Batches, and summaries read and written, each a callback."""

    batches: float
    summaries: float


def gathered(rate: float, window: int, largest: int, *, callbacks: int = 100_000) -> Gathered:
    """Gather callbacks that come at a rate a second, within a window of seconds, into batches."""
    chance = random.Random(window)  # noqa: S311 - no secret
    batches = [
        each for shard in _shards(rate, callbacks, chance) for each in _batches(shard, window, largest)
    ]
    came = sum(map(len, batches))
    return Gathered(len(batches) / came, sum(len(set(batch)) for batch in batches) / came)


def _shards(rate: float, callbacks: int, chance: random.Random) -> list[list[tuple[float, int]]]:
    """Return when whose callbacks come, shard by shard in their order."""
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
            # A full batch goes at once, and the next window opens then.
            ends, batch = min(at, ends), []
        if at >= ends:
            ends += length * (1 + (at - ends) // length)
        batch.append(subject)
    yield batch
