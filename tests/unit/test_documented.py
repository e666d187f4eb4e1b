"""Documented transcripts are recognised as a whole, with the same result as part by part."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

import corpus
from tavus_callbacks.domain.callbacks.documented import write_transcript
from tavus_callbacks.domain.callbacks.families import classify
from tavus_callbacks.domain.callbacks.intake import parse_event
from tavus_callbacks.domain.callbacks.models.usual import Turn
from tavus_callbacks.domain.callbacks.redaction import ECHOES
from tavus_callbacks.domain.callbacks.validation import MOST_PARTS, limit_issues, validate
from tavus_callbacks.domain.common.digests import digest_json
from tavus_callbacks.domain.common.json_text import parse

NOW = datetime(2026, 11, 20, 10, 0, 1, tzinfo=UTC)
SCALARS = (
    st.text()
    | st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(
        ["\ud83d", "\x7f", "\U0001f600", '"', "\\u0022", "\\\\", 1e-5, 1e16, -0.0, 10**400, 2**63]
    )
)
TOOL = st.dictionaries(st.sampled_from(["id", "name", "arguments", "function", "other"]), SCALARS, max_size=3)
# Some members that a turn has, each with a value that often has another type.
TURN = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("role", "content", "inference_id"), st.text() | SCALARS),
        **dict.fromkeys(("timestamp", "seconds_from_start", "duration"), st.floats(0, 9e5) | SCALARS),
        "tool_calls": st.lists(TOOL, max_size=2) | SCALARS,
        "other": SCALARS,
    },
)
BODY = st.fixed_dictionaries(
    {
        "event_type": st.just("application.transcription_ready"),
        "conversation_id": st.just("c1"),
        "properties": st.fixed_dictionaries(
            {"transcript": st.lists(TURN, max_size=4)}, optional={"replica_id": SCALARS, "other": SCALARS}
        ),
    },
    optional={"timestamp": SCALARS, "webhook_url": SCALARS, "callback_url": SCALARS, "other": SCALARS},
)


def transcript(*turns, **members):
    """Write a transcript."""
    envelope = {"event_type": "application.transcription_ready", "conversation_id": "c1"}
    return json.dumps({**envelope, "properties": {"transcript": list(turns)}, **members})


def is_documented(text):
    """Return whether a transcript is recognised as a whole."""
    return parse(text, write_transcript).is_documented


def assert_same_event(text):
    """Compare content and issues of a body with those that it has part by part."""
    event = parse_event(text.encode(), query="", label="l", received_at=NOW)

    document = parse(event.text)
    classified = classify(document)
    sent = json.loads(event.text.removeprefix("\ufeff"))
    assert digest_json({name: value for name, value in sent.items() if name not in ECHOES}) == event.content
    unusable = ("unusable_time",) if classified.has_unusable_time else ()
    assert limit_issues([*document.issues, *unusable, *validate(classified, document)[1]]) == event.issues


@given(BODY, st.booleans(), st.sampled_from([None, 1]))
def test_a_transcript_has_the_same_content_and_issues_part_by_part(body, is_ascii, indent):
    """This holds for any members and any way to write them."""
    text = json.dumps(body, ensure_ascii=is_ascii, indent=indent)

    assert_same_event(text.encode("utf-8", "replace").decode())


@pytest.mark.parametrize(
    "text",
    [
        transcript({"role": "user"}).replace('"role"', '"role": "a", "role"'),
        transcript({"content": "x"}).replace('"x"', r'"\u0022"'),
        transcript({"content": "x", "role": "user"}).replace('"role"', r'"content": "\u0022\u0022", "role"'),
        "\ufeff" + transcript({"role": "user", "content": "x"}),
        transcript({"content": "\ud83d\ude00"}),
        transcript({"content": "\ud83d"}),
    ],
    ids=["repeated key", "escaped quote", "both", "byte order mark", "pair", "half a pair"],
)
def test_odd_texts_have_the_same_content_and_issues_part_by_part(text):
    """Repeated keys are noticed though escaped quotes could hide them."""
    assert_same_event(text)


def test_published_transcripts_have_the_same_content_and_issues_part_by_part():
    """The corpus has transcripts as senders wrote them; those that are events are compared."""
    for name, path in corpus.files().items():
        if corpus.EXPECTED[name].event_type == "application.transcription_ready":
            assert_same_event(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "turn",
    [
        {"role": "user", "content": 'Grüße \U0001f600 \x7f "q" \\\\ \n'},
        {"role": "user", "timestamp": 1795168800.25, "seconds_from_start": 0.0, "duration": 3},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "function": {"arguments": "{}"}}]},
        dict.fromkeys(Turn.model_fields),
    ],
)
def test_a_documented_turn_is_recognised(turn):
    """A turn may have any script, times and tool calls."""
    assert is_documented(transcript(turn))


@pytest.mark.parametrize(
    "turn",
    [
        *({"other": 1}, {"role": 1}, {"duration": "1"}, {"duration": 1e-5}, {"duration": True}),
        *({"duration": 10**400}, {"content": "\ud83d"}, {"tool_calls": [{"arguments": {}}]}, "user: hi"),
    ],
)
def test_anything_else_is_read_part_by_part(turn):
    """Such turns have unknown members, other types, or numbers that can be written in two ways."""
    assert not is_documented(transcript(turn))


def test_a_transcript_of_too_many_turns_is_read_part_by_part():
    """Such a body gets an issue."""
    assert is_documented(transcript(*[{}] * (MOST_PARTS - 4)))
    assert not is_documented(transcript(*[{}] * MOST_PARTS))
