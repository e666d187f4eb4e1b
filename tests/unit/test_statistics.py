"""The statistics of a talk: those of the sample in Tavus's docs, and more."""

import json

import pytest
from folding import JSON, transcript
from hypothesis import given, settings
from hypothesis import strategies as st

from tavus_callbacks.domain.transcripts.statistics import talk_statistics
from tavus_callbacks.domain.transcripts.transcript import choose_transcript


def numbers(*turns):
    """Return the statistics of turns."""
    return talk_statistics(choose_transcript([transcript(*turns)]))


def spoken(role, content, start=None, duration=None, **members):
    """Return a turn."""
    return {"role": role, "content": content, "seconds_from_start": start, "duration": duration, **members}


TIMED = [
    spoken("assistant", "Good morning. When would you like to come?", 0, 4),
    spoken("user", "Two nights in May.", 5, 2),
    spoken("assistant", "", 7.2, tool_calls=[{"name": "book"}, {"name": "mail"}]),
    spoken("assistant", "Done. Anything else?", 8.5, 2),
    spoken("user", "No, thank you.", 11, 1),
    spoken("assistant", "Goodbye.", 12.5, 1),
]


def test_turns_and_words_are_counted_per_side():
    """Turns without words and turns of tools do not count."""
    found = numbers(*TIMED)

    assert (2, 3, 5) == (found.user_turns, found.replica_turns, found.total_turns)
    assert (7, 12) == (found.user_words, found.replica_words)
    assert (0, 2, 2) == (found.user_questions, found.replica_questions, found.tool_calls)
    assert 0.368 == found.user_share_by_words


def test_times_give_speed_share_and_longest_turn():
    """Seconds of speech are the durations of the turns that have one."""
    found = numbers(*TIMED)

    assert (3.0, 7.0, 0.3) == (found.user_seconds, found.replica_seconds, found.user_share_by_seconds)
    assert (140.0, 102.9) == (found.user_words_per_minute, found.replica_words_per_minute)
    longest = found.longest_turn
    assert ("assistant", 8, 4.0, 0.0) == (longest.role, longest.words, longest.duration, longest.start)


def test_response_is_from_the_users_end_to_the_replicas_start():
    """The time of a tool call counts as part of the response time."""
    found = numbers(*TIMED)

    assert (1.5, 1.0) == (found.first_response_seconds, found.median_response_seconds)


def test_turns_that_came_out_of_order_give_the_same_numbers():
    """The times decide who answered whom."""
    timed = [each for each in TIMED if "tool_calls" not in each]

    assert numbers(*timed) == numbers(*timed[::-1])


def test_an_answer_that_overlaps_took_no_time():
    """An answer that begins before the question ends takes 0 seconds."""
    found = numbers(spoken("user", "And", 5, 3), spoken("assistant", "Yes?", 7, 1))

    assert 0.0 == found.first_response_seconds


def test_without_times_what_needs_them_is_none():
    """A number without data is None, not 0."""
    found = numbers(spoken("user", "One two."), spoken("assistant", "Three?"))

    assert (2, 1, 0.667) == (found.user_words, found.replica_words, found.user_share_by_words)
    assert [None] * 6 == [
        found.user_seconds,
        found.user_share_by_seconds,
        found.user_words_per_minute,
        found.replica_words_per_minute,
        found.first_response_seconds,
        found.median_response_seconds,
    ]


def test_a_talk_of_nobody_has_no_shares():
    """An empty transcript has counts of 0 and no shares."""
    found = numbers()

    assert (0, None, None) == (found.total_turns, found.user_share_by_words, found.longest_turn)


@pytest.mark.parametrize("text", ["今日はいい天気ですね。", "你好我想订一个房间"])
def test_a_language_without_spaces_has_words(text):
    """A Japanese sentence has several words."""
    assert 3 < numbers(spoken("user", text)).user_words < len(text)


@settings(max_examples=30)
@given(
    st.lists(st.builds(spoken, st.sampled_from(["user", "assistant", "tool"]), st.text() | JSON, JSON, JSON))
)
def test_numbers_exist_for_any_turns(turns):
    """Any JSON in place of a time or a text gives numbers that are JSON."""
    found = numbers(*turns)

    assert found.user_turns + found.replica_turns == found.total_turns <= len(turns)
    json.dumps(found.model_dump(mode="json"), allow_nan=False)
