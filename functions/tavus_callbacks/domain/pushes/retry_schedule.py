"""When a push is posted again: soon at first, then every two hours, for a day."""

from datetime import datetime, timedelta

from tavus_callbacks.domain.common.retry_after import parse_retry_after

LIFETIME = timedelta(days=1)

# Seconds after the first attempt, the second, and so on. The last one repeats.
_PAUSES = (5, 30, 120, 600, 1800, 3600, 7200)

# Seconds. A server may ask for more time, but by mistake it cannot use up the day.
_LONGEST_PAUSE = 6 * 3600

# The server wants no more pushes (Standard Webhooks).
_GONE = 410


def next_pause(
    attempt: int, *, age: timedelta, status: int | None, retry_after: str | None, now: datetime
) -> int | None:
    """Return the seconds until the next attempt, or None after the last one.

    `attempt` counts from 1, `age` is the time since the push was published, and `status` is None if the
    server did not answer.
    """
    left = int((LIFETIME - age).total_seconds())
    if status == _GONE or left <= 0:
        return None
    usual = _PAUSES[min(attempt, len(_PAUSES)) - 1]
    asked = min(int(parse_retry_after(retry_after, now) or 0), _LONGEST_PAUSE)
    # The last attempt is made when the day ends, even if its pause should be longer.
    return min(max(usual, asked), left)
