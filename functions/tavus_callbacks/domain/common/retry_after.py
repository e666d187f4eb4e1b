"""The header Retry-After (RFC 9110, section 10.2.3): seconds, or a date."""

from datetime import datetime

from tavus_callbacks.domain.common import timestamps

_LONGEST_NUMBER = 9  # digits


def parse_retry_after(text: str | None, now: datetime) -> float | None:
    """Return the seconds to wait, at least 0; None if the header is missing or cannot be read."""
    stripped = (text or "").strip()
    if stripped.isascii() and stripped.isdecimal():
        return float(stripped[:_LONGEST_NUMBER])
    moment = timestamps.parse(stripped)
    return max(0.0, (moment - now).total_seconds()) if moment else None
