"""A transcript as WebVTT, the format in which browsers show subtitles (W3C, https://www.w3.org/TR/webvtt1/).

Cue text is a small markup: `<` and `&` begin something, `-->` and a blank line end the cue, so all are
escaped or taken out.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from tavus_callbacks.domain.common.errors import CallbackError
from tavus_callbacks.domain.transcripts.plain_text import NAMES, one_line
from tavus_callbacks.domain.transcripts.transcript import Transcript, spoken
from tavus_callbacks.domain.transcripts.turns import SpokenTurn
from tavus_callbacks.domain.transcripts.word_count import words

_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_CONTROLS = dict.fromkeys((*range(32), 127, *range(128, 160)), " ")

# How long a turn without duration stays: as it takes to say it, but not shorter than one can read.
_WORDS_A_SECOND, _SHORTEST = 2.5, 1.0


class NoTimes(CallbackError):
    """The transcript says of no turn when it was spoken, so that there is nothing to place a cue by."""

    status = 409
    title = "No times"


@dataclass(frozen=True, slots=True)
class _Cue:
    start: float
    end: float
    turn: SpokenTurn


def webvtt(transcript: Transcript) -> str:
    """Write a transcript as WebVTT; raises NoTimes."""
    if not transcript.has_times:
        raise NoTimes("The transcript has no times, so there are no subtitles: ask for format=text.")
    return "WEBVTT\n" + "".join(f"\n{_written(cue)}\n" for cue in _cues(transcript))


def _cues(transcript: Transcript) -> Iterator[_Cue]:
    """Place the turns in order of their start; one without follows the turn before it."""
    turns, before = [], 0.0
    for turn in spoken(transcript):
        before = before if turn.start is None else turn.start
        turns.append((before, turn))
    turns.sort(key=lambda placed: placed[0])
    following = [start for start, _ in turns[1:]]
    for (start, turn), limit in zip(turns, [*following, None], strict=True):
        yield _Cue(start, _end(start, turn, limit), turn)


def _end(start: float, turn: SpokenTurn, limit: float | None) -> float:
    if turn.duration:
        return start + turn.duration
    end = start + max(_SHORTEST, words(turn.text) / _WORDS_A_SECOND)
    return end if limit is None or limit <= start else min(end, limit)


def _written(cue: _Cue) -> str:
    text = one_line(cue.turn.text.translate(_CONTROLS)).translate(_ESCAPES)
    return f"{_time(cue.start)} --> {_time(cue.end)}\n<v {NAMES[cue.turn.role]}>{text}"


def _time(seconds: float) -> str:
    minutes, milliseconds = divmod(round(seconds * 1000), 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{milliseconds // 1000:02}.{milliseconds % 1000:03}"
