"""When a conversation took place, as far as its callbacks show; times outside are implausible."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from tavus_callbacks.domain.common.lenient_json import LONGEST_SECONDS

# The replica joins, and a recording may start, some minutes after the room is open.
_SLACK = timedelta(minutes=10)
_LONGEST = timedelta(seconds=LONGEST_SECONDS)


@dataclass(frozen=True, slots=True)
class Period:
    """The first joining, if it is known and plausible, and the limits of plausible times."""

    joined_at: datetime | None
    earliest: datetime
    latest: datetime

    @classmethod
    def between(cls, joined_at: datetime | None, ended_at: datetime | None, last_sign: datetime) -> "Period":
        """Return the period from ten minutes before the joining to the end, but never more than a day.

        Without an end, it lasts a day from the joining. Without both, it ends at the last sign of life.
        """
        latest = ended_at or (joined_at + _LONGEST if joined_at else last_sign)
        earliest = latest - _LONGEST - _SLACK
        if joined_at is not None and earliest <= joined_at - _SLACK and joined_at <= latest:
            return cls(joined_at, joined_at - _SLACK, latest)
        return cls(None, earliest, latest)

    def includes(self, moment: datetime) -> bool:
        """Return whether a time is plausible."""
        return self.earliest <= moment <= self.latest
