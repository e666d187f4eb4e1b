"""The transcript: every published form of a turn is read, the system's turns stay out, nothing is fatal."""

import itertools
import json

import pytest
from folding import JSON, transcript
from hypothesis import given
from hypothesis import strategies as st

from tavus_callbacks.domain.transcripts.plain_text import to_plain_text
from tavus_callbacks.domain.transcripts.transcript import choose_transcript, transcript_view

PROMPT = "You are Lena, the receptionist of a small hotel by the sea. " * 20
MEMBERS = (
    "role",
    "speaker",
    "content",
    "text",
    "timestamp",
    "timestamp_ms",
    "seconds_from_start",
    "duration",
)
MORE_MEMBERS = ("inference_id", "tool_calls", "tool_call_id", "name")


def turn(role="user", content="Hello.", **members):
    """Make a turn."""
    return {"role": role, "content": content, **members}


def read(*turns, include_system=False):
    """Read a transcript of these turns."""
    return choose_transcript([transcript(*turns)], include_system=include_system)


@pytest.mark.parametrize("name", ["assistant", "replica", "Replica", "agent", "ai"])
def test_all_names_of_the_replica_are_one_role(name):
    """A reader asks for one role, whatever the sender's year."""
    found = read(turn(name)).turns[0]

    assert ("assistant", None) == (found.role, found.speaker)


def test_a_speaker_called_by_name_is_the_replica():
    """A receiver's fixtures have the replica's own name for a speaker."""
    found = read({"speaker": "aria", "content": "Hello!", "timestamp_ms": 1500}).turns[0]

    assert ("assistant", "aria", 1.5) == (found.role, found.speaker, found.start)


@pytest.mark.parametrize(
    "times",
    [
        [{"seconds_from_start": 0.0}, {"seconds_from_start": 2.5}],
        [{"timestamp": "2027-03-01T12:00:00Z"}, {"timestamp": "2027-03-01T12:00:02.5Z"}],
        [{"timestamp": 1779475657.0}, {"timestamp": 1779475659.5}],
        [{"timestamp": "2027-03-01T12:00:00Z"}, {"timestamp": 1803902402.5}],
        [{"timestamp_ms": 0}, {"timestamp_ms": 2500}],
        [{"timestamp_ms": 1779475657000}, {"timestamp_ms": 1779475659500}],
        [{"seconds_from_start": 0.0, "timestamp": 1779475657.0}, {"timestamp": 1779475659.5}],
    ],
)
def test_times_are_seconds_from_the_start_in_whatever_form_they_come(times):
    """ISO text in one call, an epoch float in the next: both confirmed on real calls."""
    found = read(turn(**times[0]), turn("assistant", "Hi.", **times[1]))

    assert [0.0, 2.5] == [one.start for one in found.turns]


@pytest.mark.parametrize("member", ["seconds_from_start", "timestamp"])
@pytest.mark.parametrize("value", [None, "soon", -5, True, 10**400, 1e300, [], {"a": 1}])
def test_a_time_that_is_none_is_left_out(member, value):
    """A turn without a time is a turn."""
    assert [None] == [one.start for one in read(turn(**{member: value})).turns]


def test_a_time_days_away_from_the_others_is_left_out():
    """Epoch floats of another month stand beside right ones in a published example."""
    found = read(turn(timestamp=1779475657.0), turn("assistant", "Hi.", timestamp="2026-07-01T00:00:00Z"))

    assert [0.0, None] == [one.start for one in found.turns]


def test_system_turns_are_left_out_unless_asked_for():
    """The prompt swamps the transcript, and documents fetched later do too."""
    turns = [
        turn("system", PROMPT),
        turn("user", "Hi."),
        turn("system", "A document"),
        turn("assistant", "Yes?"),
    ]

    assert ["Hi.", "Yes?"] == [one.text for one in read(*turns).turns]
    assert [PROMPT.strip(), "Hi.", "A document", "Yes?"] == [
        one.text for one in read(*turns, include_system=True).turns
    ]


def test_a_prompt_under_the_replicas_name_is_the_systems():
    """It is first, large, longer by far than anything the replica says later, and was never spoken."""
    turns = [turn("assistant", PROMPT, timestamp=1779475657.0), turn("assistant", "Hi."), turn("user", "Hi.")]

    assert ["Hi.", "Hi."] == [one.text for one in read(*turns).turns]
    assert "system" == read(*turns, include_system=True).turns[0].role


@pytest.mark.parametrize(
    "turns",
    [
        [turn("assistant", PROMPT, inference_id="inf_1"), turn("user", "Hi.")],
        [turn("assistant", PROMPT, seconds_from_start=0.4), turn("user", "Hi.")],
        [turn("assistant", PROMPT), turn("assistant", PROMPT[:700])],
        [turn("assistant", PROMPT[:500]), turn("user", "Hi.")],
        [turn("user", PROMPT), turn("assistant", "Hi.")],
    ],
)
def test_a_long_greeting_stays(turns):
    """What was spoken, or is like what the replica says later, is no prompt."""
    assert 2 == len(read(*turns).turns)


@pytest.mark.parametrize(
    "broken",
    [
        None,
        7,
        "text",
        [],
        {},
        {"role": "user"},
        {"role": 7, "content": "a"},
        {"content": "a"},
        turn(content=None),
    ],
)
def test_broken_turns_are_skipped_and_counted(broken):
    """One bad entry costs itself, never the transcript."""
    found = read(turn(), broken, turn("assistant", "Yes?"))

    assert (["Hello.", "Yes?"], 1) == ([one.text for one in found.turns], found.skipped)


def test_a_turn_that_came_twice_in_a_row_is_one():
    """Seen inside one transcript; the same words at another time are said again."""
    found = read(turn(seconds_from_start=1), turn(seconds_from_start=1), turn(seconds_from_start=4))

    assert ([1.0, 4.0], 1) == ([one.start for one in found.turns], found.repeated)


def test_speech_and_scene_are_told_apart():
    """In early 2025 Raven put both into one text; words seen are not words said."""
    found = read(turn(content=" USER_SPEECH:  Yes, please.  VISUAL_SCENE: A man at a desk. ")).turns[0]

    assert ("Yes, please.", "A man at a desk.") == (found.text, found.scene)


@pytest.mark.parametrize(
    ("call", "arguments", "are_json"),
    [
        ({"name": "book", "arguments": '{"nights": 2}'}, {"nights": 2}, True),
        ({"function": {"name": "book", "arguments": '{"nights": 2}'}}, {"nights": 2}, True),
        ({"name": "book", "arguments": {"nights": 2}}, {"nights": 2}, True),
        ({"name": "book", "arguments": '{"nights": '}, '{"nights": ', False),
        ({"name": "book", "arguments": "not-json"}, "not-json", False),
        ({"name": "book", "arguments": ""}, {}, True),
        ({"name": "book"}, {}, True),
    ],
)
def test_tool_calls_are_read_in_both_forms(call, arguments, are_json):
    """Arguments are JSON text, not always valid; then the text stays."""
    found = read({"role": "assistant", "tool_calls": [call]}).turns[0].tool_calls[0]

    assert ("book", arguments, are_json) == (found.name, found.arguments, found.arguments_are_json)


def test_answers_stand_with_their_calls():
    """An asynchronous tool answers twice, the second time with the id plus `_result`."""
    call = {"id": "call_1", "name": "book", "arguments": "{}"}
    found = read(
        turn("assistant", "", tool_calls=[call], seconds_from_start=3),
        turn("tool", "started", tool_call_id="call_1", seconds_from_start=3.5),
        turn("tool", {"booked": True}, tool_call_id="call_1_result", seconds_from_start=9),
        turn("tool", "whose?", tool_call_id="call_2"),
    )

    answers = [(one.text, one.start) for one in found.turns[0].tool_calls[0].answers]
    assert [("started", 3.5), ('{"booked":true}', 9.0)] == answers
    assert [("tool", "whose?")] == [(one.role, one.text) for one in found.turns[1:]]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("user: hello\nassistant: hello\n\nno speaker", (["user", "assistant"], 1)),
        (json.dumps([turn(), turn("assistant", "Yes?")]), (["user", "assistant"], 0)),
        ([], ([], 0)),
        (None, ([], 1)),
        ("", ([], 1)),
        (7, ([], 1)),
        ({}, ([], 1)),
        ("{}", ([], 1)),
    ],
)
def test_a_transcript_that_is_no_list_is_read_as_far_as_it_can_be(content, expected):
    """Text is read by lines, JSON text as what it holds; where nothing can be read, that is counted."""
    event = transcript()
    event.body["properties"]["transcript"] = content

    found = choose_transcript([event])

    assert expected == ([one.role for one in found.turns], found.skipped)


@pytest.mark.parametrize("place", ["transcription", "data", "flat"])
def test_a_transcript_is_found_wherever_it_stands(place):
    """Under its other name, under `data`, and at the top level."""
    event = transcript()
    content = event.body
    del content["properties"]
    where = {
        "transcription": {"properties": {"transcription": [turn()]}},
        "data": {"data": {"transcript": [turn()]}},
    }
    content.update(where.get(place, {"transcript": [turn()]}))

    assert ["Hello."] == [one.text for one in choose_transcript([event]).turns]


def test_the_last_transcript_that_says_anything_counts_in_any_order():
    """A second delivery replaces the first, an empty one never does."""
    events = [
        transcript(turn(content="first"), turn("assistant", "more"), seconds=1),
        transcript(turn(content="second"), seconds=2),
        transcript(seconds=3),
    ]

    for order in itertools.permutations(events):
        assert ["second"] == [one.text for one in choose_transcript(order).turns]


def test_transcripts_that_differ_in_a_detail_give_one_in_any_order():
    """The same words twice, with and without what joins a turn to the call: chance decides nothing."""
    events = [transcript(turn(inference_id=number)) for number in (None, "inf_1", "inf_2")]

    found = [choose_transcript(order) for order in itertools.permutations(events)]
    assert all(one == found[0] for one in found)


def test_no_transcript_is_none():
    """Nothing came, which is not the same as a transcript without turns."""
    assert choose_transcript([]) is None
    assert choose_transcript([transcript()]).turns == ()


def test_a_dialogue_is_one_line_a_turn():
    """People read who said what and when; no text can pass for a turn of its own."""
    call = {"id": "call_1", "name": "book", "arguments": "{}"}
    found = read(
        turn(content="Two nights.\nReplica: forged", seconds_from_start=75.2),
        turn("assistant", "", tool_calls=[call], seconds_from_start=77),
        turn("tool", "booked", tool_call_id="call_1"),
        turn("assistant", "Done."),
    )

    expected = [
        "[1:15] User: Two nights. Replica: forged",
        "[1:17] (Tool book -> booked)",
        "Replica: Done.",
    ]
    assert expected == to_plain_text(found).splitlines()


@given(st.lists(st.dictionaries(st.sampled_from(MEMBERS + MORE_MEMBERS), JSON) | JSON, max_size=6))
def test_no_transcript_is_fatal(turns):
    """Whatever JSON stands in whichever place: it is read, and can be written as JSON."""
    found = choose_transcript([transcript(*turns)], include_system=True)

    assert len(turns) >= len(found.turns) + found.repeated
    json.dumps(transcript_view(found), allow_nan=False).encode()
    to_plain_text(found).encode()
