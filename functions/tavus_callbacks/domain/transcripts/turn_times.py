"""When turns were spoken, in seconds from the start, whichever form a transcript uses.

Seen: `seconds_from_start`; `timestamp` as ISO text in one call and epoch seconds in the next, sometimes
weeks away from the event's own time; `timestamp_ms`, from the start or since 1970; nothing at all.
"""

from collections.abc import Mapping, Sequence
from itertools import islice
from statistics import median_high
from typing import Any, Literal

from tavus_callbacks.domain.common import lenient_json, timestamps
from tavus_callbacks.domain.common.view import Moment, View

# Milliseconds up to here count from the start; beyond, since 1970.
_EPOCH_MILLISECONDS = 1e11
# The number of turns whose median gives second 0. It withstands single wrong times.
_SAMPLES = 51

Entry = Mapping[str, Any]


class Origin(View):
    """The time of second 0, from which `start` counts.

    `turns`: turns have both kinds of time. Otherwise `start` counts from the `first_turn` or `joining`.
    """

    at: Moment
    source: Literal["turns", "first_turn", "joining"]


def origin_rank(origin: Origin | None) -> str:
    """Return a text by which the origins of transcripts of equal rank compare: the greatest counts."""
    return f"{timestamps.iso(origin.at)} {origin.source}" if origin else ""


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
    zeros = [moment - start for start, moment in islice(pairs, _SAMPLES)]
    # The later of two values counts: a prompt can be older than the talk.
    zero = median_high(zeros) if zeros else None
    origin = None if zero is None else _origin(zero, "turns")
    if None not in starts:
        return starts, origin
    moments = [
        _moment(entry) if start is None else None for start, entry in zip(starts, entries, strict=True)
    ]
    if zero is None:
        zero = min((moment for moment in moments if moment is not None), default=None)
        # Turns that count from the start, and others that have a time: nothing joins the two.
        is_joined = all(start is None for start in starts)
        origin = _origin(zero, "first_turn") if zero is not None and is_joined else None
    return [
        start if moment is None or zero is None else lenient_json.seconds(round(moment - zero, 3))
        for start, moment in zip(starts, moments, strict=True)
    ], origin


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
