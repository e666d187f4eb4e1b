"""Turns, the conversation and its recordings are on one clock, or the answer says that they are not."""

from dataclasses import replace
from datetime import timedelta

import pytest
from folding import CONVERSATION, NOW, SETTINGS, gather_facts, recording, said, transcript

from tavus_callbacks.domain.common.errors import NoOffset
from tavus_callbacks.domain.common.timestamps import iso
from tavus_callbacks.domain.conversations.facts import conversation_period
from tavus_callbacks.domain.conversations.view import fold_conversation
from tavus_callbacks.domain.recordings.view import recording_start
from tavus_callbacks.domain.summaries.summary import conversation_summary
from tavus_callbacks.domain.transcripts.alignment import align, find_offset
from tavus_callbacks.domain.transcripts.transcript import choose_transcript, transcript_view

START = NOW - timedelta(hours=1)
JOINED, SHUTDOWN = said("system.replica_joined"), said("system.shutdown", 60)
LATE_JOINED = said("system.replica_joined", 5)


def at(seconds):
    """Return a time, some seconds after the joining."""
    return START + timedelta(seconds=seconds)


def key_at(seconds, suffix=""):
    """Return the key of a recording that starts then."""
    return f"tavus/{CONVERSATION}/{round(at(seconds).timestamp() * 1000)}{suffix}"


def turn(role="user", *, time=None, start=None, content=None, **members):
    """Return a turn with an absolute time, a relative one, both or neither."""
    times = {
        **({} if time is None else {"timestamp": iso(at(time))}),
        **({} if start is None else {"seconds_from_start": start}),
    }
    return {"role": role, "content": content or f"words {time} {start}", **times, **members}


def read(*events):
    """Return the transcript of events in JSON's own types."""
    return transcript_view(align(choose_transcript(events, include_system=True), conversation_period(events)))


BOTH = (turn(time=2.5, start=0.5), turn(time=7, start=5))
TIMES_ONLY = (turn(time=3), turn("assistant", time=8))
STARTS_ONLY = (turn(start=1), turn("assistant", start=4))
WEEKS = 30 * 86400
WEEKS_AWAY = tuple(turn(time=number + WEEKS, start=number) for number in (1, 4))


@pytest.mark.parametrize(
    ("events", "turns", "source", "zero", "starts"),
    [
        pytest.param([JOINED, SHUTDOWN], BOTH, "turns", 2, [0.5, 5.0], id="both"),
        pytest.param([], BOTH, "turns", 2, [0.5, 5.0], id="both, alone"),
        pytest.param(
            [JOINED, SHUTDOWN], (*BOTH, turn(time=9)), "turns", 2, [0.5, 5.0, 7.0], id="some with a time only"
        ),
        pytest.param(
            [JOINED, SHUTDOWN],
            (turn(time=WEEKS, start=0), *BOTH),
            "turns",
            2,
            [0.0, 0.5, 5.0],
            id="one wrong time among several",
        ),
        pytest.param([JOINED, SHUTDOWN], TIMES_ONLY, "joining", 0, [3.0, 8.0], id="times only"),
        pytest.param([SHUTDOWN], TIMES_ONLY, "first_turn", 3, [0.0, 5.0], id="times only, no joining"),
        pytest.param([LATE_JOINED], TIMES_ONLY, "first_turn", 3, [0.0, 5.0], id="spoken before the joining"),
        pytest.param(
            [LATE_JOINED],
            (turn("system", time=1), turn(time=6)),
            "joining",
            5,
            [None, 1.0],
            id="a prompt before the joining",
        ),
        pytest.param(
            [JOINED, SHUTDOWN],
            (turn("system", time=-720), turn(time=3)),
            "joining",
            0,
            [None, 3.0],
            id="a prompt long before the joining",
        ),
        pytest.param(
            [JOINED, SHUTDOWN],
            (turn("system", time=-300, start=0), turn(time=2.5, start=0.5)),
            "turns",
            2,
            [0.0, 0.5],
            id="an older prompt and one turn",
        ),
        pytest.param([JOINED, SHUTDOWN], STARTS_ONLY, "joining", 0, [1.0, 4.0], id="starts only"),
        pytest.param([SHUTDOWN], STARTS_ONLY, None, None, [1.0, 4.0], id="starts only, no joining"),
        pytest.param([JOINED, SHUTDOWN], WEEKS_AWAY, None, None, [1.0, 4.0], id="weeks away"),
        pytest.param([], WEEKS_AWAY, None, None, [1.0, 4.0], id="weeks away, alone"),
        pytest.param(
            [JOINED, SHUTDOWN],
            tuple(turn(time=number + WEEKS) for number in (1, 4)),
            None,
            None,
            [0.0, 3.0],
            id="times only, weeks away",
        ),
        pytest.param([JOINED, SHUTDOWN], (turn(),), None, None, [None], id="no times"),
        pytest.param(
            [said("system.replica_joined", -3 * 86400), SHUTDOWN],
            STARTS_ONLY,
            None,
            None,
            [1.0, 4.0],
            id="joined days before the end",
        ),
        pytest.param(
            [said("system.replica_joined", 90), SHUTDOWN],
            STARTS_ONLY,
            None,
            None,
            [1.0, 4.0],
            id="joined after the end",
        ),
    ],
)
def test_second_zero_is_known_or_null(events, turns, source, zero, starts):
    """`origin` names the time from which starts count, each turn has its time, and no time is nonsense."""
    events = [*events, transcript(*turns, seconds=61)]
    expected = None if source is None else {"at": iso(at(zero)), "source": source}

    answer = read(*events)

    assert (expected, starts) == (answer["origin"], [each["start"] for each in answer["turns"]])
    times = [None if zero is None or start is None else iso(at(zero + start)) for start in starts]
    assert times == [each["at"] for each in answer["turns"]]
    for order in (events, events[::-1]):
        view = fold_conversation(CONVERSATION, order, now=NOW, settings=SETTINGS)
        assert expected == view["transcript"]["origin"]
        assert (
            conversation_summary(
                CONVERSATION, gather_facts(order), now=NOW, settings=SETTINGS
            ).talk.model_dump()
            == view["talk"]
        )
        longest = view["talk"]["longest_turn"]
        assert longest["start"] in [
            each["start"] for each in answer["turns"] if each["role"] == longest["role"]
        ]


def test_only_the_start_of_a_turn_is_shifted():
    """Every other member stays as it came."""
    members = {"duration": 2.5, "inference_id": "i1", "tool_call_id": "t1"}
    seen = turn(time=8, content="USER_SPEECH: Hi. VISUAL_SCENE: A dog.", **members)
    chosen = choose_transcript([transcript(turn("Ann", time=3, **members), seen)])

    aligned = align(chosen, conversation_period([JOINED, SHUTDOWN])).turns

    assert (0.0, 5.0) == tuple(each.start for each in chosen.turns)
    assert [replace(each, start=each.start + 3) for each in chosen.turns] == list(aligned)


def test_answers_of_tools_are_on_the_clock_of_the_turns():
    """The start of an answer counts from `origin`, as the start of its turn does."""
    call = turn("assistant", time=8, tool_calls=[{"id": "1", "name": "look_up"}])
    answer = turn("tool", time=9.5, tool_call_id="1")

    [_, calling] = read(JOINED, SHUTDOWN, transcript(turn(time=3), call, answer, seconds=61))["turns"]

    assert (8.0, [9.5]) == (
        calling["start"],
        [each["start"] for each in calling["tool_calls"][0]["answers"]],
    )


@pytest.mark.parametrize(
    ("key", "start"),
    [
        (key_at(7.5), 7.5),
        (key_at(7.5, ".mp4"), 7.5),
        (key_at(-2), -2),
        (key_at(-600), -600),
        (key_at(-601), None),
        (key_at(60), 60),
        (key_at(61), None),
        (key_at(86400), None),
        (key_at(7.5, "-1"), None),
        ("tavus/c123/12345678901", None),
        ("tavus/c123/9999999999999", None),
        ("1" + key_at(7.5).rpartition("/")[2], None),
        ("a\n" + key_at(7.5), 7.5),
        (None, None),
    ],
)
def test_a_recording_starts_when_its_key_says(key, start):
    """13 digits count if they are a time from ten minutes before the joining to the end."""
    events = [JOINED, SHUTDOWN, transcript(*STARTS_ONLY, seconds=61)]

    view = fold_conversation(
        CONVERSATION, events, now=NOW, settings=SETTINGS, recordings=[recording("r1", "available", key=key)]
    )

    assert (None if start is None else iso(at(start))) == view["recordings"][0]["started_at"]


@pytest.mark.parametrize(
    ("events", "start", "within"),
    [
        ([JOINED], 86400, True),
        ([JOINED], 86401, False),
        ([SHUTDOWN], -86000, True),
        ([SHUTDOWN], 61, False),
        ([], 0, True),
        ([], 61, False),
    ],
)
def test_without_joining_or_end_a_recording_starts_within_a_day(events, start, within):
    """Without the joining it is a day before the end, else before the last sign of life."""
    events = [*events, transcript(*STARTS_ONLY, seconds=0 if JOINED in events else 10)]

    assert within == conversation_period(events).includes(at(start))


@pytest.mark.parametrize(
    ("turns", "key", "duration", "offset", "reason"),
    [
        (BOTH, key_at(4), 60, -2.0, None),
        (BOTH, key_at(0), None, 2.0, None),
        (BOTH, key_at(4), 2.9, None, "no turn starts within it"),
        (BOTH, key_at(4), 3.0, -2.0, None),
        (BOTH, key_at(30), 60, None, "no turn starts within it"),
        (BOTH, "key", 60, None, "its key contains no time"),
        (STARTS_ONLY, key_at(0.25), 60, -0.25, None),
        ((turn(time=6.9996),), key_at(7), 60, -7.0, None),
        (WEEKS_AWAY, key_at(4), 60, None, "the transcript has no plausible absolute time"),
        (WEEKS_AWAY, "key", 60, None, "contains no time within the conversation, and the transcript has no"),
    ],
)
def test_the_offset_is_right_or_null(turns, key, duration, offset, reason):
    """By the offset a turn falls into the recording; without one, the error says which time is unknown."""
    events = [JOINED, SHUTDOWN, transcript(*turns, seconds=61)]
    stored = recording("r1", "available", key=key, duration=duration)

    view = fold_conversation(CONVERSATION, events, now=NOW, settings=SETTINGS, recordings=[stored])

    assert offset == view["recordings"][0]["offset"]
    period = conversation_period(events)
    aligned, started_at = align(choose_transcript(events), period), recording_start(key, period)
    if reason is None:
        assert offset == find_offset(aligned, started_at, duration)
    else:
        with pytest.raises(NoOffset, match=reason):
            find_offset(aligned, started_at, duration)


def test_two_transcripts_that_differ_in_their_clock_give_one_in_any_order():
    """Their turns are equal but for absolute times, and view and transcript name the same origin."""
    early, late = (transcript(turn(time=first, start=0.5, content="Hi."), seconds=61) for first in (2.5, 4.5))

    for order in ([JOINED, early, late], [late, JOINED, early]):
        view = fold_conversation(CONVERSATION, order, now=NOW, settings=SETTINGS)
        assert iso(at(4)) == view["transcript"]["origin"]["at"] == read(*order)["origin"]["at"]
