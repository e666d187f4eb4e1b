"""Repeat a call until it succeeds or its deadline comes. The SDK makes one attempt a call.

    0 s                1.2 s               2.4 s      3 s
    ├── store ──────────┼── spill ──────────┼──────────┤
    token, object, row    object, message    503

A phase always makes its first request. It sends a further one only if that can end before the deadline, so
the phase ends in time even if every answer is as slow as the client tolerates. The deadline limits AWS's
time: our own work before the first request (compress a large body, make a client) moves it.
"""

import random
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import TypeVar

from botocore.exceptions import BotoCoreError

from tavus_callbacks.domain.common.errors import StoreDown

T = TypeVar("T")

# Seconds that one attempt may take to connect and to read (clients.py). With less time left, none begins.
ATTEMPT = 0.7
# Seconds before the second attempt at most; doubled from one attempt to the next.
PAUSE = 0.05


class OutOfTime(BotoCoreError):
    """A request that might outlast the deadline is not sent."""

    fmt = "No time is left for another request"


class _Phase:
    """`began` is None once the first request is sent."""

    __slots__ = ("began", "deadline")

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self.began: float | None = time.monotonic()


_phase: ContextVar[_Phase | None] = ContextVar("phase", default=None)


def retry_until(deadline: float, call: Callable[[], T]) -> T:
    """Call until it succeeds; raise its StoreDown if that is final or no other attempt fits in.

    `deadline` is a time of `time.monotonic`.
    """
    phase, pause = _Phase(deadline), PAUSE
    outer = _phase.set(phase)
    try:
        while True:
            try:
                return call()
            except StoreDown as error:
                if not error.may_pass or phase.deadline - time.monotonic() < ATTEMPT + pause:
                    raise
            time.sleep(random.uniform(0, pause))  # noqa: S311  # spreads attempts, guards no secret
            pause *= 2
    finally:
        _phase.reset(outer)


def check_deadline(**_: object) -> None:
    """Raise OutOfTime if a request might outlast the deadline. botocore calls this before it sends one."""
    phase = _phase.get()
    if phase is None:
        return
    if phase.began is not None:
        phase.deadline += time.monotonic() - phase.began
        phase.began = None
    elif phase.deadline - time.monotonic() < ATTEMPT:
        raise OutOfTime
