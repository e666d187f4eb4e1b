"""Subtitles have cues that every player can read, whatever was said."""

import re

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


@given(
    st.lists(
        st.builds(
            spoken,
            st.sampled_from(["user", "assistant"]),
            st.text(),
            st.none() | st.floats(0, 90_000),
            st.none() | st.floats(0, 90_000),
        ),
        max_size=8,
    )
)
def test_subtitles_are_well_formed_for_any_words(turns):
    """Every block is one cue of one line, and none ends before it begins."""
    try:
        head, *blocks = subtitles(spoken("user", "Hi.", 1), *turns).split("\n\n")
    except NoTimes:
        raise AssertionError from None

    assert "WEBVTT" == head.strip()
    for block in blocks:
        cue = CUE.fullmatch(block.removesuffix("\n") + "\n")
        assert cue, block
        begin, end = ([float(part) for part in cue.groups()[at : at + 3]] for at in (0, 3))
        assert begin <= end
