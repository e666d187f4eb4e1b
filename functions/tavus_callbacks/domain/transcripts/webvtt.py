"""A transcript as WebVTT, the format in which browsers show subtitles (W3C, https://www.w3.org/TR/webvtt1/).

Cue text is a small markup: `<` and `&` begin something, and `-->` or a blank line ends the cue. So all of
these are escaped or removed. Times are whole milliseconds, as the format writes them.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from operator import itemgetter

from tavus_callbacks.domain.common.errors import NoTimes
from tavus_callbacks.domain.transcripts.plain_text import NAMES, to_one_line
from tavus_callbacks.domain.transcripts.transcript import Transcript, speech_turns
from tavus_callbacks.domain.transcripts.turns import SpokenTurn
from tavus_callbacks.domain.transcripts.word_count import word_count

_JOINER = "\u200d"
_CONTROLS = dict.fromkeys((*range(32), 127, *range(128, 160)), " ")

# A turn without duration stays as long as it takes to say it, but not shorter than people can read.
_WORDS_A_SECOND, _SHORTEST = 2.5, 1000

# Two lines of 42 characters fit on a screen. A sentence that ends in the first line is not a place to split.
_MOST, _LEAST, _NEAR = 84, 42, 20
_SENTENCE_END = re.compile(r"[.!?\u2026\u3002\uff01\uff1f](?= |(?<=[\u3002\uff01\uff1f])\w)")


def to_webvtt(transcript: Transcript, *, offset: float = 0.0, duration: float | None = None) -> str:
    """Write a transcript as WebVTT; raises NoTimes.

    `offset` seconds are added to every time. Anything before 0 or after `duration` seconds is cut off.
    """
    if not transcript.has_times:
        raise NoTimes("The transcript has no times, so there are no subtitles. Use format=text.")
    shift, limit = round(offset * 1000), float("inf") if duration is None else round(duration * 1000)
    cues: list[tuple[int, str]] = []
    for sent_start, sent_end, turn in _spoken(transcript):
        start, end = sent_start + shift, sent_end + shift
        if start < limit and end > 0:
            for cue_start, cue_end, text in _share_time(start, end, _to_line(turn.text)):
                first, last = max(0, cue_start), min(cue_end, limit)
                if first < last:
                    times = f"{_format_time(first)} --> {_format_time(int(last))}"
                    cues.append((first, f"\n{times}\n<v {NAMES[turn.role]}>{_escape(text)}\n"))
    # Turns overlap where somebody interrupts.
    cues.sort(key=itemgetter(0))
    return "WEBVTT\n" + "".join(cue for _, cue in cues)


def _spoken(transcript: Transcript) -> Iterator[tuple[int, int, SpokenTurn]]:
    """Yield start, end and turn; a turn without a start follows the turn before it."""
    turns, start = [], 0
    for turn in speech_turns(transcript):
        start = start if turn.start is None else round(turn.start * 1000)
        turns.append((start, turn))
    next_starts = [start for start, _ in turns[1:]]
    for (start, turn), next_start in zip(turns, [*next_starts, None], strict=True):
        spoken = round(turn.duration * 1000) if turn.duration else 0
        end = start + (spoken or max(_SHORTEST, round(word_count(turn.text) * 1000 / _WORDS_A_SECOND)))
        if not spoken and next_start is not None and next_start > start:
            end = min(end, next_start)
        yield start, end, turn


def _share_time(start: int, end: int, text: str) -> Iterator[tuple[int, int, str]]:
    """Yield start, end and text of cues, each with time in proportion to its text, at least a millisecond."""
    begin, cue_start = 0, start
    while len(text) - begin > _MOST:
        part_end = _part_end(text, begin)
        cue_end = start + (end - start) * part_end // len(text)
        if cue_end == cue_start:
            break
        yield cue_start, cue_end, text[begin:part_end].strip()
        begin, cue_start = part_end, cue_end
    # A text of control characters only leaves nothing to show.
    if text:
        yield cue_start, end, text[begin:].strip()


def _part_end(text: str, begin: int) -> int:
    """Return where to split what follows `begin`: after a sentence, else between words, else within a word.

    Without a sentence's end, all parts become equally long, so that the last one is not a single word.
    """
    # Its space, or the next word, is the last character that matters.
    ends = [end.end() for end in _SENTENCE_END.finditer(text, begin + _LEAST - 1, begin + _MOST + 1)]
    if ends:
        return ends[-1]
    left = len(text) - begin
    target = begin + left // -(-left // _MOST)
    before, behind = text.rfind(" ", begin + 1, target + 1), text.find(" ", target, begin + _MOST + 1)
    if behind > 0 and (before < 0 or behind - target < target - before):
        return behind
    if before > 0:
        return before
    # Before a letter if one is near, so that no line begins with a comma.
    letters = (end for end in range(target, max(begin, target - _NEAR), -1) if text[end].isalnum())
    signs = (end for end in range(target, begin, -1) if _begins_sign(text, end))
    return next(letters, None) or next(signs, target)


def _begins_sign(text: str, place: int) -> bool:
    """Return whether no accent, no skin colour and no joined emoji begins at a place."""
    category = unicodedata.category(text[place])
    return category[0] != "M" and category not in ("Cf", "Sk") and text[place - 1] != _JOINER


def _to_line(text: str) -> str:
    # Most texts are one line already. To see that is ten times as fast as to write them again.
    is_line = text.isprintable() and "  " not in text
    return text if is_line else to_one_line(text.translate(_CONTROLS))


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _format_time(milliseconds: int) -> str:
    minutes, rest = divmod(milliseconds, 60_000)
    digits = str(100_000 + rest)
    return f"{_format_minutes(minutes)}:{digits[1:3]}.{digits[3:]}"


@lru_cache
def _format_minutes(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
