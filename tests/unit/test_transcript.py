"""Every published form of a turn can be read, system turns are left out, and no input is fatal."""

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
    """Return a turn."""
    return {"role": role, "content": content, **members}


def read(*turns, include_system=False):
    """Return the transcript of turns."""
    return choose_transcript([transcript(*turns)], include_system=include_system)


@pytest.mark.parametrize("name", ["assistant", "replica", "Replica", "agent", "ai"])
def test_all_names_of_the_replica_are_one_role(name):
    """All names of the replica, over the years, give the role `assistant`."""
    found = read(turn(name)).turns[0]

    assert ("assistant", None) == (found.role, found.speaker)


def test_a_speaker_called_by_name_is_the_replica():
    """A name that is not a role counts as the replica's name."""
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
    """ISO text, epoch seconds and milliseconds give seconds from the start."""
    found = read(turn(**times[0]), turn("assistant", "Hi.", **times[1]))

    assert [0.0, 2.5] == [one.start for one in found.turns]


@pytest.mark.parametrize("member", ["seconds_from_start", "timestamp"])
@pytest.mark.parametrize("value", [None, "soon", -5, True, 10**400, 1e300, [], {"a": 1}])
def test_a_time_that_is_none_is_left_out(member, value):
    """A turn whose time cannot be read has none."""
    assert [None] == [one.start for one in read(turn(**{member: value})).turns]


def test_a_time_days_away_from_the_others_is_left_out():
    """A time that lies days away from the others is left out."""
    found = read(turn(timestamp=1779475657.0), turn("assistant", "Hi.", timestamp="2026-07-01T00:00:00Z"))

    assert [0.0, None] == [one.start for one in found.turns]


def test_system_turns_are_left_out_unless_asked_for():
    """Turns of the system are in the transcript only if you ask for them."""
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
    """A first turn that is large, much longer than later ones and was never spoken is a prompt."""
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
    """A long first turn that was spoken, or resembles later ones, stays the replica's."""
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
    """A broken entry is skipped and counted; the others are read."""
    found = read(turn(), broken, turn("assistant", "Yes?"))

    assert (["Hello.", "Yes?"], 1) == ([one.text for one in found.turns], found.skipped)


def test_a_turn_that_came_twice_in_a_row_is_one():
    """A turn that repeats the one before it is left out; the same words at another time stay."""
    found = read(turn(seconds_from_start=1), turn(seconds_from_start=1), turn(seconds_from_start=4))

    assert ([1.0, 4.0], 1) == ([one.start for one in found.turns], found.repeated)


YES, NO = turn(content="Yes."), turn("assistant", "No?")
HOTEL = [turn("assistant", "A room?"), turn(content="Yes."), turn("assistant", "For two?")]


def at_seconds(turns, first=1.0):
    """Return turns with starts, a second apart."""
    return [each | {"seconds_from_start": first + number} for number, each in enumerate(turns)]


@pytest.mark.parametrize(
    ("turns", "remaining", "repeated"),
    [
        pytest.param(HOTEL * 2, [0, 1, 2], 3, id="all of it twice"),
        pytest.param(HOTEL * 3, [0, 1, 2], 6, id="all of it three times"),
        pytest.param(at_seconds(HOTEL) * 2, [0, 1, 2], 3, id="all of it twice, with times"),
        pytest.param([*HOTEL, *HOTEL[1:]], [0, 1, 2], 2, id="the end twice"),
        pytest.param(
            [*at_seconds(HOTEL), *at_seconds(HOTEL)[:2], turn(seconds_from_start=9)],
            [0, 1, 2, 5],
            2,
            id="a block with times, and more behind it",
        ),
        pytest.param(
            [turn("assistant", "You are Ann. " * 60), *at_seconds(HOTEL)] * 2 + [turn(seconds_from_start=9)],
            [1, 2, 3, 8],
            4,
            id="a prompt without a time, a block with times, and more behind it",
        ),
        pytest.param(
            [YES, *at_seconds([NO, YES]), YES, turn(seconds_from_start=9)],
            [0, 1, 2, 3, 4],
            0,
            id="without a time, before something new",
        ),
        pytest.param([YES, YES], [0], 1, id="the same twice in a row"),
        pytest.param(at_seconds([YES, YES]), [0, 1], 0, id="the same at another time"),
        pytest.param([*at_seconds([YES, NO]), *at_seconds([YES, NO], 3)], [0, 1, 2, 3], 0, id="said again"),
        pytest.param([YES, NO, YES, NO, turn()], [0, 1, 2, 3, 4], 0, id="not at the end"),
        pytest.param([YES, NO, YES], [0, 1, 2], 0, id="one turn again"),
        pytest.param(
            [{"role": "assistant", "tool_calls": [{"id": number}]} for number in ("1", "2")] * 2,
            [0, 1],
            2,
            id="calls without words",
        ),
    ],
)
def test_a_block_that_came_twice_counts_once(turns, remaining, repeated):
    """A copy at the end, or at the same times, is left out and counted; what was said again stays."""
    found = read(*turns)

    expected = [read(turns[place]).turns[0] for place in remaining]
    assert (expected, repeated) == (list(found.turns), found.repeated)


def test_turns_are_in_the_order_of_time():
    """A turn without a time stays behind the turn before it."""
    contents = [("c", 9), ("d", None), ("a", 1), ("b", 4), ("e", 9)]
    found = read(*(turn(content=text, seconds_from_start=start) for text, start in contents))

    assert "abcde" == "".join(each.text for each in found.turns)


@pytest.mark.parametrize(
    ("role", "content", "text"),
    [
        ("user", [{"type": "text", "text": " Hi. "}], "Hi."),
        ("user", [{"type": None, "text": "Hi."}], "Hi."),
        (
            "user",
            ["One.", {"type": "input_text", "text": "Two."}, {"text": {"value": "Three."}}],
            "One. Two. Three.",
        ),
        ("user", [{"type": "image_url", "image_url": "x"}, {"type": "text", "text": "Look."}], "Look."),
        ("user", [{"type": "reasoning", "text": "Hm."}], None),
        ("user", [{"type": "text", "text": 7}, {"type": 7, "text": "a"}, None, 7, ["a"]], None),
        ("user", [], None),
        ("user", {"type": "text", "text": "a"}, None),
        ("tool", [{"type": "text", "text": "booked"}], "booked"),
        ("tool", ["a", "b"], '["a","b"]'),
        ("tool", [{"text": "a", "score": 1}], '[{"score":1,"text":"a"}]'),
    ],
)
def test_content_in_parts_is_read_as_text(role, content, text):
    """Parts that are text are joined; without any, the entry cannot be read. A tool's list may be data."""
    found = read(turn(role, content))

    assert ([] if text is None else [text]) == [each.text for each in found.turns]
    assert (text is None) == found.skipped


def test_speech_and_scene_are_told_apart():
    """Speech and scene in one text, as Raven wrote them in early 2025, are separated."""
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
    """Both forms of a tool call are read; arguments that are not JSON stay text."""
    found = read({"role": "assistant", "tool_calls": [call]}).turns[0].tool_calls[0]

    assert ("book", arguments, are_json) == (found.name, found.arguments, found.arguments_are_json)


def test_answers_stand_with_their_calls():
    """Answers move to their calls, also the second one, whose id ends with `_result`."""
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
    """Text is read by lines, JSON text as JSON; entries that cannot be read are counted."""
    event = transcript()
    event.body["properties"]["transcript"] = content

    found = choose_transcript([event])

    assert expected == ([one.role for one in found.turns], found.skipped)


@pytest.mark.parametrize("place", ["transcription", "data", "flat"])
def test_a_transcript_is_found_wherever_it_stands(place):
    """The transcript is read under its other name, under `data`, and at the top level."""
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
    """The latest transcript that has turns counts, in any order of events."""
    events = [
        transcript(turn(content="first"), turn("assistant", "more"), seconds=1),
        transcript(turn(content="second"), seconds=2),
        transcript(seconds=3),
    ]

    for order in itertools.permutations(events):
        assert ["second"] == [one.text for one in choose_transcript(order).turns]


def test_transcripts_that_differ_in_a_detail_give_one_in_any_order():
    """Two transcripts that differ in a detail give the same one in any order."""
    events = [transcript(turn(inference_id=number)) for number in (None, "inf_1", "inf_2")]

    found = [choose_transcript(order) for order in itertools.permutations(events)]
    assert all(one == found[0] for one in found)


def test_no_transcript_is_none():
    """Without a transcript event there is None, not an empty transcript."""
    assert choose_transcript([]) is None
    assert choose_transcript([transcript()]).turns == ()


def test_a_dialogue_is_one_line_a_turn():
    """Each turn is one line, and no text can look like another turn."""
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
    """Any JSON in any place can be read, and written as JSON again."""
    found = choose_transcript([transcript(*turns)], include_system=True)

    assert len(turns) >= len(found.turns) + found.repeated
    json.dumps(transcript_view(found), allow_nan=False).encode()
    to_plain_text(found).encode()
