"""Computes when a transcript begins, and where its turns are in a recording."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from tavus_callbacks.domain.common.errors import NoOffset
from tavus_callbacks.domain.common.period import Period
from tavus_callbacks.domain.transcripts.tool_calls import AnsweredCall
from tavus_callbacks.domain.transcripts.transcript import Transcript, speech_turns
from tavus_callbacks.domain.transcripts.turn_times import Origin
from tavus_callbacks.domain.transcripts.turns import SpokenTurn


def second_zero(
    sent: Origin | None, first_speech: float | None, period: Period
) -> tuple[Origin | None, float]:
    """Return the time from which starts count, None if it is unknown, and the seconds to add to every start.

    `sent` is what the turns say, and `first_speech` the start of the earliest turn of user or replica.
    Turns with times only count from the joining, unless somebody spoke before it.
    """
    if first_speech is None:
        return None, 0.0
    joining = Origin(at=period.joined_at, source="joining") if period.joined_at else None
    if sent is None:
        return joining, 0.0
    if sent.source == "first_turn" and joining is not None:
        shift = (sent.at - joining.at).total_seconds()
        # The first turn can be a prompt that is much older than the joining.
        spoken_at = sent.at + timedelta(seconds=first_speech)
        if first_speech + shift >= 0 and period.includes(spoken_at):
            return joining, shift
    return sent if period.includes(sent.at) else None, 0.0


def first_speech(transcript: Transcript) -> float | None:
    """Return the start of the earliest turn of user or replica, or None if no such turn has one."""
    return next((turn.start for turn in speech_turns(transcript) if turn.start is not None), None)


def align(transcript: Transcript, period: Period) -> Transcript:
    """Return a transcript with a plausible `origin`, from which the starts of its turns count."""
    origin, shift = second_zero(transcript.origin, first_speech(transcript), period)
    if shift:
        turns = tuple(_shift_turn(turn, shift) for turn in transcript.turns)
        return replace(transcript, turns=turns, origin=origin)
    return replace(transcript, origin=origin)


def _shift_turn(turn: SpokenTurn, shift: float) -> SpokenTurn:
    start = _shift(turn.start, shift)
    if turn.tool_calls:
        return replace(
            turn, start=start, tool_calls=tuple(_shift_call(each, shift) for each in turn.tool_calls)
        )
    # `replace` takes six times as long, and a long transcript has thousands of turns.
    return SpokenTurn(
        turn.role,
        turn.text,
        start,
        turn.duration,
        turn.inference_id,
        turn.speaker,
        turn.scene,
        turn.tool_call_id,
    )


def _shift_call(call: AnsweredCall, shift: float) -> AnsweredCall:
    answers = (replace(answer, start=_shift(answer.start, shift)) for answer in call.answers)
    return replace(call, answers=tuple(answers))


def _shift(start: float | None, shift: float) -> float | None:
    shifted = None if start is None else round(start + shift, 3)
    # The prompt can be older than the joining.
    return None if shifted is None or shifted < 0 else shifted


def recording_offset(
    starts: Iterable[float], origin: Origin | None, started_at: datetime | None, duration: float | None
) -> float | None:
    """Return the seconds to add to a start so that it counts from the start of a recording.

    It is None if either time is unknown, or if no turn then starts within the recording: one of the two
    clocks must be wrong. `starts` count from `origin`; without a `duration` the recording has no end.
    """
    if origin is None or started_at is None:
        return None
    offset = round((origin.at - started_at).total_seconds(), 3)
    end = float("inf") if duration is None else duration
    return offset if any(0 <= round(start + offset, 3) <= end for start in starts) else None


def find_offset(transcript: Transcript, started_at: datetime | None, duration: float | None) -> float:
    """Return the offset of a recording, for a transcript after `align`; raises NoOffset."""
    starts = (turn.start for turn in speech_turns(transcript) if turn.start is not None)
    offset = recording_offset(starts, transcript.origin, started_at, duration)
    if offset is not None:
        return offset
    unknown = [
        "its key contains no time within the conversation" if started_at is None else "",
        "the transcript has no plausible absolute time" if transcript.origin is None else "",
    ]
    reason = ", and ".join(filter(None, unknown)) or "no turn starts within it"
    raise NoOffset(f"The recording cannot be aligned, because {reason}. Pass the seconds as offset=.")
