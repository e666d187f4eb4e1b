"""When turns were spoken, in seconds from the start, whichever form a transcript uses.

Seen: `seconds_from_start`; `timestamp` as ISO text in one call and epoch seconds in the next, sometimes
weeks away from the event's own time; `timestamp_ms`, from the start or since 1970; nothing at all.
"""

from collections.abc import Mapping, Sequence
from itertools import islice
from statistics import median
from typing import Any, Literal

from tavus_callbacks.domain.common import lenient_json, timestamps
from tavus_callbacks.domain.common.view import Moment, View

# Milliseconds up to here count from the start; beyond, since 1970.
_EPOCH_MILLISECONDS = 1e11
# Turns that decide when the start was; a median of so many withstands wrong ones.
_SAMPLES = 51

Entry = Mapping[str, Any]


class Origin(View):
    """The time of second 0, from which starts count.

    `turns` carry both kinds of time; or the starts count from the `first_turn` or the first `joining`.
    """

    at: Moment
    source: Literal["turns", "first_turn", "joining"]


def read_times(entries: Sequence[Entry]) -> tuple[list[float | None], Origin | None]:
    """Return each turn's start, and the time of second 0 if turns name it.

    A start is None if the turn has no time, or one not within a day after second 0.
    """
    starts = [_relative(entry) for entry in entries]
    pairs = (
        (start, moment)
        for start, entry in zip(starts, entries, strict=True)
        if start is not None and (moment := _moment(entry)) is not None
    )
    origins = [moment - start for start, moment in islice(pairs, _SAMPLES)]
    if None not in starts:
        return starts, _origin(median(origins), "turns") if origins else None
    moments = [
        _moment(entry) if start is None else None for start, entry in zip(starts, entries, strict=True)
    ]
    earliest = min((moment for moment in moments if moment is not None), default=None)
    zero = median(origins) if origins else earliest
    if zero is None:
        return starts, None
    starts = [
        start if moment is None else lenient_json.seconds(round(moment - zero, 3))
        for start, moment in zip(starts, moments, strict=True)
    ]
    if origins:
        return starts, _origin(zero, "turns")
    # Turns that count from the start and turns with a time, but none with both: nothing joins the two.
    is_mixed = None in moments and any(
        start is not None for start, moment in zip(starts, moments, strict=True) if moment is None
    )
    return starts, None if is_mixed else _origin(zero, "first_turn")


def _origin(zero: float, source: Literal["turns", "first_turn"]) -> Origin | None:
    at = timestamps.parse(zero)
    return Origin(at=at, source=source) if at else None


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
