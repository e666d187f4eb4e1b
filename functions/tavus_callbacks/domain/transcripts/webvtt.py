"""A transcript as WebVTT, the format in which browsers show subtitles (W3C, https://www.w3.org/TR/webvtt1/).

Cue text is a small markup: `<` and `&` begin something, and `-->` or a blank line ends the cue. So all of
these are escaped or removed. Times are whole milliseconds, as the format writes them.
"""

import re
from collections.abc import Iterator
from operator import itemgetter

from tavus_callbacks.domain.common.errors import NoTimes
from tavus_callbacks.domain.transcripts.plain_text import NAMES, to_one_line
from tavus_callbacks.domain.transcripts.transcript import Transcript, speech_turns
from tavus_callbacks.domain.transcripts.turns import SpokenTurn
from tavus_callbacks.domain.transcripts.word_count import word_count

_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_CONTROLS = dict.fromkeys((*range(32), 127, *range(128, 160)), " ")

# A turn without duration stays as long as it takes to say it, but not shorter than people can read.
_WORDS_A_SECOND, _SHORTEST = 2.5, 1000

# Two lines of 42 characters fit on a screen. A sentence that ends in the first line is no place to split.
_MOST, _LEAST = 84, 42
_SENTENCE_END = re.compile(r"[.!?\u2026]+(?= )|[\u3002\uff01\uff1f]+(?=\w)")

# Start and end in milliseconds, the turn, and its words or a part of them.
_Cue = tuple[int, int, SpokenTurn, str]


def to_webvtt(transcript: Transcript, *, offset: float = 0.0, duration: float | None = None) -> str:
    """Write a transcript as WebVTT; raises NoTimes.

    `offset` seconds are added to every time. What then lies before 0 or after `duration` seconds is cut off.
    """
    if not transcript.has_times:
        raise NoTimes("The transcript has no times, so there are no subtitles: ask for format=text.")
    shift = round(offset * 1000)
    limit = None if duration is None else round(duration * 1000)
    lines = ["WEBVTT\n"]
    for sent_start, sent_end, turn, text in _cues(transcript):
        start, end = max(0, sent_start + shift), sent_end + shift
        end = end if limit is None else min(end, limit)
        if start < end:
            times = f"{_format_time(start)} --> {_format_time(end)}"
            lines.append(f"\n{times}\n<v {NAMES[turn.role]}>{text.translate(_ESCAPES)}\n")
    return "".join(lines)


def _cues(transcript: Transcript) -> list[_Cue]:
    """Return cues in order of their starts; a turn without a start follows the turn before it."""
    turns, start = [], 0
    for turn in speech_turns(transcript):
        start = start if turn.start is None else round(turn.start * 1000)
        turns.append((start, turn))
    next_starts = [start for start, _ in turns[1:]]
    cues: list[_Cue] = []
    for (start, turn), next_start in zip(turns, [*next_starts, None], strict=True):
        spoken = round((turn.duration or 0) * 1000)
        end = start + (spoken or max(_SHORTEST, round(word_count(turn.text) * 1000 / _WORDS_A_SECOND)))
        if not spoken and next_start is not None and next_start > start:
            end = min(end, next_start)
        cues += _share_time(start, end, turn)
    return sorted(cues, key=itemgetter(0))


def _share_time(start: int, end: int, turn: SpokenTurn) -> Iterator[_Cue]:
    """Yield the cues of a turn, each with time in proportion to its length, at least a millisecond."""
    text = to_one_line(turn.text.translate(_CONTROLS))
    begin, cue_start = 0, start
    # A text of control characters only leaves nothing to show.
    for part_end in _part_ends(text) if text else ():
        cue_end = start + (end - start) * part_end // len(text)
        if cue_end > cue_start:
            yield cue_start, cue_end, turn, text[begin:part_end].strip()
            begin, cue_start = part_end, cue_end


def _part_ends(text: str) -> Iterator[int]:
    """Yield where to split a text: after sentences, else between words, else within a long word."""
    begin = 0
    while (left := len(text) - begin) > _MOST:
        sentences = _SENTENCE_END.finditer(text, begin + _LEAST, begin + _MOST + 1)
        ends = [match.end() for match in sentences if match.end() <= begin + _MOST]
        # Without a sentence's end, parts of equal length: the last one is no single word.
        begin = ends[-1] if ends else _word_end(text, begin, begin + left // -(-left // _MOST))
        yield begin
    yield len(text)


def _word_end(text: str, begin: int, target: int) -> int:
    """Return the end of a word near `target`; in a long word, before a letter, never before its accent."""
    before, behind = text.rfind(" ", begin + 1, target + 1), text.find(" ", target, begin + _MOST + 1)
    ends = [end for end in (before, behind) if end > begin]
    if ends:
        return min(ends, key=lambda end: abs(end - target))
    return next((end for end in range(target, begin, -1) if text[end].isalnum()), target)


def _format_time(milliseconds: int) -> str:
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}.{rest % 1000:03}"
