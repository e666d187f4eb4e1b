"""The feed of events in order of receipt: a position that never skips an event.

    10.0 s  a writer takes the time of its event
    11.0 s  a reader sees everything up to 10.5 s, and must not move on past 10.0 s
    11.2 s  the event becomes visible

So a position holds back by SETTLE and remembers the receipts that it gave after that. Nothing is given twice.
"""

from bisect import bisect
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from tavus_callbacks.domain.common.timestamps import iso

# The longest time from a receipt's time until it is readable: store deadline, index delay, clock skew.
SETTLE = timedelta(seconds=15)

# A position remembers at most this many receipts, so that it fits into a URL; then pulling waits for SETTLE.
MEMORY = 200

_MARK = 12


class Position(NamedTuple):
    """Everything up to `settled` (a receipt, or its time) was given, and after it the receipts in `given`."""

    settled: str = ""
    given: frozenset[str] = frozenset()


def mark(receipt: str) -> str:
    """Return the short form under which a position remembers a receipt: the last digits, of a digest."""
    return receipt[-_MARK:]


def read_limit(position: Position, limit: int) -> int:
    """Return how many receipts of a shard to read: one more than a page takes, so that none is skipped."""
    return limit + len(position.given) + 1


def make_room(position: Position, visible: Collection[str], *, now: datetime) -> tuple[Position, list[str]]:
    """Forget settled receipts, which makes room; return the position and the visible receipts after it."""
    after = advance(position, visible, (), now=now)
    return after, [receipt for receipt in visible if receipt > after.settled]


def next_page(position: Position, receipts: Iterable[str], limit: int, *, now: datetime) -> list[str]:
    """Return the receipts to give now: in order, those not given yet, as many as there is room for.

    A settled receipt needs no room: a late one would otherwise wait for ever behind a full memory.
    """
    unseen = [receipt for receipt in sorted(receipts) if mark(receipt) not in position.given]
    settled_count = bisect(unseen, iso(now - SETTLE))
    return unseen[: min(limit, settled_count + max(0, MEMORY - len(position.given)))]


def advance(position: Position, visible: Collection[str], page: Iterable[str], *, now: datetime) -> Position:
    """Return the position after a page of the visible receipts was given."""
    given = {mark(receipt) for receipt in page} | position.given
    left = [receipt for receipt in visible if mark(receipt) not in given]
    settled = iso(now - SETTLE)
    if left:
        first_left = min(left)
        before_left = (receipt for receipt in visible if receipt < first_left)
        settled = min(settled, max(before_left, default=position.settled))
    settled = max(settled, position.settled)
    # A given receipt that is not visible now stands behind late ones that fill a shard's answer.
    return Position(settled, frozenset(given - {mark(receipt) for receipt in visible if receipt <= settled}))
