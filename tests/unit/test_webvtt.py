"""Subtitles have cues that every player can read, whatever was said."""

import html
import re
import time
from itertools import pairwise

import pytest
from folding import transcript
from hypothesis import given
from hypothesis import strategies as st

from tavus_callbacks.domain.common.errors import NoTimes
from tavus_callbacks.domain.transcripts.transcript import choose_transcript
from tavus_callbacks.domain.transcripts.webvtt import to_webvtt

CUE = re.compile(
    r"(\d\d+):(\d\d):(\d\d\.\d{3}) --> (\d\d+):(\d\d):(\d\d\.\d{3})\n<v (?:User|Replica)>([^\n\r<>]*)\n"
)


def subtitles(*turns):
    """Write turns as WebVTT."""
    return to_webvtt(choose_transcript([transcript(*turns)]))


def spoken(role, content, start=None, duration=None):
    """Return a turn."""
    return {"role": role, "content": content, "seconds_from_start": start, "duration": duration}


def test_cues_say_who_speaks_when():
    """A turn without duration ends with the next one, the last after the time to say it."""
    text = subtitles(
        spoken("assistant", "Hello there.", 0.5, 2.25),
        spoken("user", "Hi.", 3),
        spoken("assistant", "When would you like to come?", 3.5),
    )

    assert text == (
        "WEBVTT\n"
        "\n00:00:00.500 --> 00:00:02.750\n<v Replica>Hello there.\n"
        "\n00:00:03.000 --> 00:00:03.500\n<v User>Hi.\n"
        "\n00:00:03.500 --> 00:00:05.900\n<v Replica>When would you like to come?\n"
    )


def test_cues_stand_in_the_order_of_time_and_count_hours():
    """Starts rise; a turn without a time follows the one before it."""
    text = subtitles(spoken("user", "b", 3700.25, 1), spoken("user", "c"), spoken("assistant", "a", 1, 1))

    assert ["a", "b", "c"] == re.findall(r"<v \w+>(.*)", text)
    assert "01:01:40.250 --> 01:01:41.250" in text


def test_what_is_said_cannot_end_or_mark_up_a_cue():
    """Arrows, tags, entities and blank lines are escaped or removed."""
    text = subtitles(spoken("user", "a --> b\n\n<i>&amp; c\x00\x85", 1, 1))

    assert "<v User>a --&gt; b &lt;i&gt;&amp;amp; c\n" in text


def test_without_times_there_are_no_subtitles():
    """The error has status 409 and names the format to use instead."""
    with pytest.raises(NoTimes, match="format=text") as refused:
        subtitles(spoken("user", "Hi."))

    assert 409 == refused.value.status


LONG = "One two three four five six seven eight nine ten. " * 6 + "Eleven twelve thirteen, " * 12


def cues_of(text):
    """Return start, end and words of each cue."""
    head, *blocks = text.split("\n\n")
    assert "WEBVTT" == head.strip()
    cues = []
    for block in blocks:
        cue = CUE.fullmatch(block.removesuffix("\n") + "\n")
        assert cue, block
        times = [(float(cue[at]) * 60 + float(cue[at + 1])) * 60 + float(cue[at + 2]) for at in (1, 4)]
        cues.append((round(times[0], 3), round(times[1], 3), html.unescape(cue[7])))
    return cues


def test_a_long_turn_is_several_cues():
    """Cues end with sentences, else between words, and share the turn's time by their lengths."""
    cues = cues_of(subtitles(spoken("user", LONG, 10, 57.6), spoken("assistant", "Yes.", 40, 1)))

    own = [cue for cue in cues if cue[2] != "Yes."]
    assert LONG.strip() == " ".join(text for _, _, text in own)
    assert all(42 <= len(text) <= 84 for _, _, text in own)
    assert ["ten."] * 6 == [text[-4:] for _, _, text in own[:6]]
    assert (10, 67.6) == (own[0][0], own[-1][1])
    assert all(before[1] == after[0] for before, after in pairwise(own))
    assert all(0.08 < (end - start) / len(text) < 0.12 for start, end, text in own)
    assert cues == sorted(cues, key=lambda cue: cue[0])


@pytest.mark.parametrize(
    "text",
    [
        *("今日は天気がいいですね。" * 30, "ก็ดี" * 60, "👩‍👩‍👧 e\u0301" * 60, "x" * 500),
        *("👩‍👩‍👧" * 59, "👩\U0001f3fd" * 101, "👩\ufe0f" * 101, "abc" + "👩‍👧" * 101),
    ],
)
def test_a_text_without_spaces_is_split_before_a_letter(text):
    """No accent and no joined emoji begins a cue; nothing is lost."""
    parts = [part for _, _, part in cues_of(subtitles(spoken("user", text, 0, 60)))]

    assert 1 < len(parts)
    assert "".join(text.split()) == "".join("".join(part.split()) for part in parts)
    assert all(20 <= len(part) <= 84 for part in parts)
    assert all(part[0].isalnum() or part[0] == "👩" for part in parts)
    assert not any(part.endswith("\u200d") for part in parts)


@pytest.mark.parametrize(
    ("offset", "duration", "expected"),
    [
        (0.0, None, [(1, 3, "a"), (5, 7, "b"), (7.0004, 9, "c")]),
        (-2.0, None, [(0, 1, "a"), (3, 5, "b"), (5, 7, "c")]),
        (-2.0, 4.5, [(0, 1, "a"), (3, 4.5, "b")]),
        (-3.0, 2.0, []),
        (2.0, 9.0, [(3, 5, "a"), (7, 9, "b")]),
        (-8.9996, None, []),
        (-8.999, None, [(0, 0.001, "c")]),
        (-100.0, None, []),
    ],
)
def test_cues_fit_into_a_recording(offset, duration, expected):
    """Cues are shifted; the first and the last are cut, and those outside are left out."""
    turns = [spoken("user", "a", 1, 2), spoken("assistant", "b", 5, 2), spoken("user", "c", 7.0004, 2)]
    chosen = choose_transcript([transcript(*turns)])

    cues = cues_of(to_webvtt(chosen, offset=offset, duration=duration))

    assert [(round(start, 3), end, text) for start, end, text in expected] == cues


def test_a_part_of_a_turn_that_ends_where_the_recording_begins_is_left_out():
    """No subtitle ends where it starts, also if the recording begins or ends between two parts of a turn."""
    chosen = choose_transcript([transcript(spoken("user", "x" * 84 + "y" * 84, 1, 2))])

    assert [(0, 1, "y" * 84)] == cues_of(to_webvtt(chosen, offset=-2.0))
    assert [(1, 2, "x" * 84)] == cues_of(to_webvtt(chosen, duration=2.0))


def test_a_long_turn_without_time_loses_no_words():
    """A turn of two milliseconds has at most two subtitles, with all its words."""
    cues = cues_of(subtitles(spoken("user", LONG, 10, 0.002)))

    assert LONG.strip() == " ".join(text for _, _, text in cues)
    assert all(start < end for start, end, _ in cues)


@given(
    st.lists(
        st.builds(
            spoken,
            st.sampled_from(["user", "assistant"]),
            st.text() | st.text(st.sampled_from("ab .!&<。😀\u0301"), min_size=80, max_size=400),
            st.none() | st.floats(0, 90_000) | st.floats(0, 0.01),
            st.none() | st.floats(0, 90_000) | st.floats(0, 0.01),
        ),
        max_size=8,
    ),
    st.sampled_from([(0.0, None), (-7.5, 60.0), (0.0005, 0.01)]),
)
def test_subtitles_are_well_formed_for_any_words(turns, place):
    """Every block is one cue of one line that ends after it begins, in order, and within the recording."""
    offset, duration = place
    chosen = choose_transcript([transcript(spoken("user", "Hi.", 1), *turns)])

    cues = cues_of(to_webvtt(chosen, offset=offset, duration=duration))

    assert all(0 <= start < end <= (duration or 400_000) for start, end, _ in cues)
    assert cues == sorted(cues, key=lambda cue: cue[0])


def test_the_time_of_subtitles_grows_with_the_transcript_alone():
    """Twice the turns take about twice the CPU; `make bench-read` measures the milliseconds."""
    words = "We would like a room with a balcony, please, and breakfast for two and a dog. " * 2

    def cpu(turns):
        roles = ("user", "assistant")
        chosen = choose_transcript(
            [transcript(*(spoken(roles[each % 2], words, each, 0.8) for each in range(turns)))]
        )
        times = []
        for _ in range(5):
            begin = time.process_time()
            to_webvtt(chosen, offset=-7.5, duration=turns)
            times.append(time.process_time() - begin)
        return min(times)

    assert cpu(700) <= 3 * cpu(350)
