"""Parses times as Tavus writes them; their precision is a microsecond.

Tavus (docs/tavus.md): ISO 8601 with `Z`, or with a space and no zone (video objects; UTC), RFC 1123 (examples
of the REST API), seconds since 1970. Test bodies of other receivers: with an offset, and seconds as text.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from math import isfinite

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# A number outside of these years is something else (milliseconds, a counter).
_EARLIEST, _LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
_NUMBER = re.compile(r"[0-9]{9,10}(\.[0-9]{1,9})?")
_RFC_1123 = re.compile(r"[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT")


# Wall time, because the other clocks of a frozen runtime may stand still.
now: Callable[[], datetime] = partial(datetime.now, UTC)


def iso(moment: datetime) -> str:
    """Write a moment as ISO 8601 UTC with microseconds and `Z`, so that text order is time order."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def to_microseconds(moment: datetime) -> int:
    """Return whole microseconds since 1970-01-01 UTC."""
    return (moment - _EPOCH) // _MICROSECOND


def parse(value: object) -> datetime | None:
    """Return the time in any known form, or None if it is not a time between 2000 and 2100."""
    try:
        if isinstance(value, str):
            text = value.strip()
            if _NUMBER.fullmatch(text):
                moment = _from_seconds(float(text))
            else:
                read = parsedate_to_datetime if _RFC_1123.fullmatch(text) else datetime.fromisoformat
                moment = read(text)
                moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            moment = _from_seconds(value)
        else:
            return None
    except (ValueError, OverflowError):
        return None
    return moment if _EARLIEST <= moment < _LATEST else None


def _from_seconds(seconds: float) -> datetime:
    if not isfinite(seconds):
        raise ValueError(seconds)
    return _EPOCH + timedelta(microseconds=round(seconds * 1_000_000))
