"""When turns were spoken, in seconds from the start, whichever form a transcript uses.

Seen: `seconds_from_start`; `timestamp` as ISO text in one call and epoch seconds in the next, sometimes
weeks away from the event's own time; `timestamp_ms`, from the start or since 1970; nothing at all.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from tavus_callbacks.domain.common import lenient_json, timestamps

# Milliseconds up to here count from the start; beyond, since 1970.
_EPOCH_MILLISECONDS = 1e11

Entry = Mapping[str, Any]


def start_times(entries: Sequence[Entry]) -> list[float | None]:
    """Return each turn's start; None if it has no time, or one not within a day after the start."""
    relatives = [_relative(entry) for entry in entries]
    if None not in relatives:
        return relatives
    moments = [_moment(entry) for entry in entries]
    pairs = list(zip(relatives, moments, strict=True))
    starts = (moment - relative for relative, moment in pairs if relative is not None and moment is not None)
    # The start by the first turn that has both kinds of time, else the earliest moment.
    origin = next(starts, min((moment for moment in moments if moment is not None), default=None))
    return [
        lenient_json.seconds(round(moment - origin, 3))
        if relative is None and origin is not None and moment is not None
        else relative
        for relative, moment in pairs
    ]


def _relative(entry: Entry) -> float | None:
    if "seconds_from_start" in entry:
        return lenient_json.seconds(entry["seconds_from_start"])
    milliseconds = lenient_json.number(entry.get("timestamp_ms"))
    return None if milliseconds is None else lenient_json.seconds(milliseconds / 1000)


def _moment(entry: Entry) -> float | None:
    milliseconds = lenient_json.number(entry.get("timestamp_ms"))
    if milliseconds is not None and milliseconds > _EPOCH_MILLISECONDS:
        return milliseconds / 1000
    moment = timestamps.parse(entry.get("timestamp"))
    return moment.timestamp() if moment else None
