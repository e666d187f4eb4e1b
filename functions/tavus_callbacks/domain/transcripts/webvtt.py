"""A transcript as WebVTT, the format in which browsers show subtitles (W3C, https://www.w3.org/TR/webvtt1/).

Cue text is a small markup: `<` and `&` begin something, and `-->` or a blank line ends the cue. So all of
these are escaped or removed.
"""

from collections.abc import Iterator

from tavus_callbacks.domain.common.errors import NoTimes
from tavus_callbacks.domain.transcripts.plain_text import NAMES, to_one_line
from tavus_callbacks.domain.transcripts.transcript import Transcript, speech_turns
from tavus_callbacks.domain.transcripts.turns import SpokenTurn
from tavus_callbacks.domain.transcripts.word_count import word_count

_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_CONTROLS = dict.fromkeys((*range(32), 127, *range(128, 160)), " ")

# A turn without duration stays as long as it takes to say it, but not shorter than people can read.
_WORDS_A_SECOND, _SHORTEST = 2.5, 1.0


def to_webvtt(transcript: Transcript) -> str:
    """Write a transcript as WebVTT; raises NoTimes."""
    if not transcript.has_times:
        raise NoTimes("The transcript has no times, so there are no subtitles: ask for format=text.")
    lines = ["WEBVTT\n"]
    for start, end, turn in _cues(transcript):
        text = to_one_line(turn.text.translate(_CONTROLS)).translate(_ESCAPES)
        lines.append(f"\n{_format_time(start)} --> {_format_time(end)}\n<v {NAMES[turn.role]}>{text}\n")
    return "".join(lines)


def _cues(transcript: Transcript) -> Iterator[tuple[float, float, SpokenTurn]]:
    """Yield start, end and turn in order of the starts; a turn without one follows the turn before it."""
    cues, start = [], 0.0
    for turn in speech_turns(transcript):
        start = start if turn.start is None else turn.start
        cues.append((start, turn))
    cues.sort(key=lambda cue: cue[0])
    next_starts = [start for start, _ in cues[1:]]
    for (start, turn), next_start in zip(cues, [*next_starts, None], strict=True):
        end = start + (turn.duration or max(_SHORTEST, word_count(turn.text) / _WORDS_A_SECOND))
        if not turn.duration and next_start is not None and next_start > start:
            end = min(end, next_start)
        yield start, end, turn


def _format_time(seconds: float) -> str:
    minutes, milliseconds = divmod(round(seconds * 1000), 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{milliseconds // 1000:02}.{milliseconds % 1000:03}"
