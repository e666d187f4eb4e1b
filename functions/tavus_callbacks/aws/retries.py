"""Trying again within a deadline: the SDK makes one attempt a call, and this decides on the next.

    0 s                1.2 s               2.4 s      3 s
    ├── store ──────────┼── spill ──────────┼──────────┤
    token, object, row    object, message    503

A phase makes its first request whatever the time. Each further one is sent only while it can end before the
deadline, so that a phase is over in time even where every answer is as slow as the client puts up with. Our
own work before the first request (a large body is packed, a client made) moves the deadline, for it is AWS's.
"""

import random
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import TypeVar

from botocore.exceptions import BotoCoreError

from tavus_callbacks.domain.common.deadline import Deadline
from tavus_callbacks.domain.common.errors import StoreDown

T = TypeVar("T")

# Seconds that one attempt may take (connecting and reading, see clients.py): without them none is begun.
ATTEMPT = 0.7
# Seconds, doubled from one attempt to the next.
PAUSE = 0.05


class OutOfTime(BotoCoreError):
    """A request that might outlast the deadline is not sent."""

    fmt = "No time is left for another request"


class _Phase:
    __slots__ = ("deadline", "has_begun", "left_at_start")

    def __init__(self, deadline: Deadline) -> None:
        self.deadline, self.left_at_start, self.has_begun = deadline, deadline.left(), False


_phase: ContextVar[_Phase | None] = ContextVar("phase", default=None)


def until(deadline: Deadline, call: Callable[[], T]) -> T:
    """Call until it succeeds, or raise its StoreDown once it is for good or no attempt fits in any more."""
    phase = _Phase(deadline)
    outer = _phase.set(phase)
    try:
        return _repeated(phase, call)
    finally:
        _phase.reset(outer)


def _repeated(phase: _Phase, call: Callable[[], T]) -> T:
    pause = PAUSE
    while True:
        try:
            return call()
        except StoreDown as error:
            if not error.may_pass or phase.deadline.left() < ATTEMPT + pause:
                raise
        time.sleep(random.uniform(0, pause))  # noqa: S311  # spreads attempts, guards no secret
        pause *= 2


def begin(**_: object) -> None:
    """Raise OutOfTime where a request may outlast the deadline; botocore asks before it sends one."""
    phase = _phase.get()
    if phase is None:
        return
    if not phase.has_begun:
        phase.has_begun = True
        phase.deadline = phase.deadline.later(phase.left_at_start - phase.deadline.left())
    elif phase.deadline.left() < ATTEMPT:
        raise OutOfTime
