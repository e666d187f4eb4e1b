"""One deadline a request, handed down, so that no slow part can use up the time of the next."""

import time
from collections.abc import Callable
from typing import NamedTuple


class Deadline(NamedTuple):
    """A moment by which something must be done; seconds of a clock that never goes back."""

    at: float
    clock: Callable[[], float] = time.monotonic

    @classmethod
    def after(cls, seconds: float) -> "Deadline":
        """Return the deadline that many seconds from now."""
        return cls(time.monotonic() + seconds)

    def left(self) -> float:
        """Return the seconds that are left, below zero once it has passed."""
        return self.at - self.clock()

    def later(self, seconds: float) -> "Deadline":
        """Return the deadline of what comes next: that many seconds after this one."""
        return self._replace(at=self.at + seconds)
