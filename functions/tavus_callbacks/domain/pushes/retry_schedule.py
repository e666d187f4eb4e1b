"""When a push that was not taken is posted again: soon at first, then every two hours, for a day."""

from datetime import datetime, timedelta

from tavus_callbacks.domain.common import timestamps

LIFETIME = timedelta(days=1)

# Seconds after the first attempt, the second, and so on; the last one stands for all that follow.
_RESTS = (5, 30, 120, 600, 1800, 3600, 7200)

# A target may ask for more, but for no more than this, so that a mistake of its costs no day.
_LONGEST = timedelta(hours=6)

# It says that it wants no more (Standard Webhooks).
_GONE = 410
_LONGEST_NUMBER = 9  # digits


def rest_after(
    attempt: int, *, age: timedelta, status: int | None, retry_after: str | None, now: datetime
) -> int | None:
    """Return the seconds until the next attempt, or None where there is to be none.

    `attempt` counts from 1, `age` is since the push was told, `status` is None where nothing answered.
    """
    left = int((LIFETIME - age).total_seconds())
    if status == _GONE or left <= 0:
        return None
    usual = _RESTS[min(attempt, len(_RESTS)) - 1]
    asked = min(_seconds(retry_after, now), int(_LONGEST.total_seconds()))
    # The last attempt is made when the day is over, however long the rest should have been.
    return min(max(usual, asked), left)


def _seconds(retry_after: str | None, now: datetime) -> int:
    """Read a Retry-After, seconds or a date; 0 where it is neither."""
    text = (retry_after or "").strip()
    if text.isdecimal() and text.isascii():
        return int(text[:_LONGEST_NUMBER])
    moment = timestamps.parse(text)
    return max(0, int((moment - now).total_seconds())) if moment else 0
