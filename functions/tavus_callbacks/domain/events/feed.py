"""Order of receipt: the keys of the `receipts` index, and a pulling position that never skips an event.

Timeline of the danger: a writer takes its time at 10.0 s and its item becomes visible at 11.2 s; a reader
that saw everything up to 10.5 s at 11.0 s must not move on past 10.0 s. So a position holds back by SETTLE
and remembers what it has already given beyond that, which also means that nothing is given twice.
"""

from bisect import bisect
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from tavus_callbacks.domain.common.timestamps import iso

# Longest time from taking the time of keeping to being readable: store deadline, index delay, clock skew.
SETTLE = timedelta(seconds=15)

# What a position remembers at most, so that it fits into a URL; beyond, pulling waits for SETTLE.
MEMORY = 200

_MARK = 12


class Position(NamedTuple):
    """Everything up to `settled` (a receipt, or its time) was given, and beyond it what `given` names."""

    settled: str = ""
    given: frozenset[str] = frozenset()


def mark(receipt: str) -> str:
    """Return the short form under which a position remembers a receipt; the last digits are a digest's."""
    return receipt[-_MARK:]


def most(position: Position, limit: int) -> int:
    """Return how many receipts of a shard to look at: one more than can be given, so that none is passed."""
    return limit + len(position.given) + 1


def settled(position: Position, visible: Collection[str], *, now: datetime) -> tuple[Position, list[str]]:
    """Forget what has settled, which makes room; return the position and what is visible beyond it."""
    after = advanced(position, visible, (), now=now)
    return after, [one for one in visible if one > after.settled]


def fresh(position: Position, receipts: Iterable[str], limit: int, *, now: datetime) -> list[str]:
    """Return the receipts to give now: in order, those not given yet, as many as there is room for.

    What has settled needs no room: a late one would else wait for ever behind a full memory.
    """
    unseen = [one for one in sorted(receipts) if mark(one) not in position.given]
    late = bisect(unseen, iso(now - SETTLE))
    return unseen[: min(limit, late + max(0, MEMORY - len(position.given)))]


def advanced(position: Position, visible: Collection[str], page: Iterable[str], *, now: datetime) -> Position:
    """Return the position after a page was given of what was visible."""
    given = {mark(one) for one in page} | position.given
    left = [one for one in visible if mark(one) not in given]
    settled = iso(now - SETTLE)
    if left:
        before = (one for one in visible if one < min(left))
        settled = min(settled, max(before, default=position.settled))
    settled = max(settled, position.settled)
    # What was given and is not visible now stands behind late ones that fill a shard's answer.
    return Position(settled, frozenset(given - {mark(one) for one in visible if one <= settled}))
