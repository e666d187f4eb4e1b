"""Families: whom a callback is about and what it is follows from its shape alone."""

import json

import pytest

from tavus_callbacks.domain.callbacks.families import FAMILIES, KINDS, classify, is_name
from tavus_callbacks.domain.callbacks.validation import conversation_models
from tavus_callbacks.domain.common.errors import Unfileable
from tavus_callbacks.domain.common.json_text import parse

ABOUT = {"conversation_id": "c1"}
OBJECTIVE = {"objective_name": "budget", "output_variables": {"sum": "10"}}


def classified(body):
    """Classify a body as it would come."""
    return classify(parse(json.dumps(body)))


@pytest.mark.parametrize("event_type", conversation_models())
def test_every_known_conversation_event_is_its_conversations(event_type):
    """All system, application and canvas events that are known are events of their conversation."""
    found = classified({**ABOUT, "event_type": event_type})

    assert ("conversation", "conversation", "c1") == (found.family, found.kind, found.subject)
    assert event_type == found.event_type


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            {**ABOUT, "event_type": "system.surprise"},
            ("conversation", "conversation", "c1", "system.surprise"),
        ),
        ({**ABOUT, "event_type": "utterance"}, ("conversation", "conversation", "c1", "utterance")),
        ({**ABOUT, "event_type": "x", "video_id": "v1"}, ("conversation", "conversation", "c1", "x")),
        (
            {**ABOUT, "event_type": "conversation.objective.completed", "properties": OBJECTIVE},
            ("objective", "conversation", "c1", "conversation.objective.completed"),
        ),
        (
            {**ABOUT, "event_type": "conversation.objective.activated", **OBJECTIVE},
            ("objective", "conversation", "c1", "conversation.objective.activated"),
        ),
        (
            {**ABOUT, "objective_status": "completed", **OBJECTIVE},
            ("objective", "conversation", "c1", "conversation.objective.completed"),
        ),
        (
            {**ABOUT, "objective_status": "pending", "properties": OBJECTIVE},
            ("objective", "conversation", "c1", "conversation.objective.pending"),
        ),
        (
            {"objective_id": "o1", "event_type": "conversation.objective.pending"},
            ("objective", "objective", "o1", "conversation.objective.pending"),
        ),
        (
            {**ABOUT, "event_type": "conversation.guardrail.triggered"},
            ("guardrail", "conversation", "c1", "conversation.guardrail.triggered"),
        ),
        (
            {**ABOUT, "event_type": "guardrail_violated", "properties": {"guardrail": "no prices"}},
            ("guardrail", "conversation", "c1", "guardrail_violated"),
        ),
        (
            {"guardrail_id": "g1", "event_type": "guardrail.triggered"},
            ("guardrail", "guardrail", "g1", "guardrail.triggered"),
        ),
        (
            {"guardrail_uuid": "g2", "event_type": "guardrail.triggered"},
            ("guardrail", "guardrail", "g2", "guardrail.triggered"),
        ),
        (
            {**ABOUT, **OBJECTIVE, "properties": {}},
            ("objective", "conversation", "c1", "conversation.objective.completed"),
        ),
        (
            {**ABOUT, "guardrail": "no prices", "properties": {}},
            ("guardrail", "conversation", "c1", "conversation.guardrail.triggered"),
        ),
        (
            {"video_id": "v1", "guardrail_id": "g1", "status": "ready"},
            ("video", "video", "v1", "video.ready"),
        ),
        ({"replica_id": "r1", "status": "ready"}, ("replica", "replica", "r1", "replica.ready")),
        (
            {"replica_id": "r1", "status": "error", "error_message": "short"},
            ("replica", "replica", "r1", "replica.error"),
        ),
        ({"face_id": "f1", "status": "ready"}, ("replica", "replica", "f1", "replica.ready")),
        (
            {"video_id": "v1", "replica_id": "r1", "status": "ready"},
            ("video", "video", "v1", "video.ready"),
        ),
        (
            {"conversation_id": None, "video_id": "v1", "status": "error"},
            ("video", "video", "v1", "video.error"),
        ),
        (
            {"video_id": "v1", "status": "ready", "event_type": "video.generated"},
            ("video", "video", "v1", "video.generated"),
        ),
        (
            {"document_id": "d1", "status": "processing"},
            ("document", "document", "d1", "document.processing"),
        ),
        (
            {"lipsync_id": "l1", "replica_id": "r1", "status": "completed"},
            ("lipsync", "lipsync", "l1", "lipsync.completed"),
        ),
        (
            {"replacement_id": "p1", "status": "completed"},
            ("replacement", "replacement", "p1", "replacement.completed"),
        ),
        (
            {"transcription_id": "t1", "status": "error"},
            ("transcription", "transcription", "t1", "transcription.error"),
        ),
        ({"speech_id": "s1", "status": "completed"}, ("speech", "speech", "s1", "speech.completed")),
    ],
)
def test_a_shape_decides_family_kind_subject_and_event_type(body, expected):
    """Each family is known by its smallest body, in the order of one list."""
    found = classified(body)

    assert expected == (found.family, found.kind, found.subject, found.event_type)


@pytest.mark.parametrize(
    ("body", "field", "detail"),
    [
        ({}, "conversation_id", "missing"),
        ({"event_type": "utterance"}, "conversation_id", "missing"),
        ({"video_id": "v1"}, "conversation_id", "missing"),
        ({"status": "ready"}, "conversation_id", "missing"),
        ({"event_type": "system.shutdown"}, "conversation_id", "missing"),
        ({"event_type": "application.x", "conversation_id": None}, "conversation_id", "null"),
        ({"conversation_id": "", "event_type": "x"}, "conversation_id", "empty"),
        ({"conversation_id": " \n", "event_type": "x"}, "conversation_id", "empty"),
        ({"conversation_id": 7, "event_type": "x"}, "conversation_id", "not a string"),
        ({"conversation_id": ["c1"], "event_type": "x"}, "conversation_id", "not a string"),
        ({"conversation_id": " c1", "event_type": "x"}, "conversation_id", "has white space at one end"),
        ({"conversation_id": "c\0", "event_type": "x"}, "conversation_id", "has unprintable characters"),
        (
            {"conversation_id": "c" * 201, "event_type": "x"},
            "conversation_id",
            "longer than 200 characters",
        ),
        (ABOUT, "event_type", "missing"),
        ({**ABOUT, "event_type": ""}, "event_type", "empty"),
        ({**ABOUT, "event_type": {"a": "guardrail"}}, "event_type", "not a string"),
        ({**ABOUT, "objective_status": 1, **OBJECTIVE}, "event_type", "missing"),
        ({"video_id": "", "status": "ready"}, "video_id", "empty"),
        ({"video_id": "v1", "status": ""}, "status", "empty"),
        ({"video_id": "v1", "status": 7}, "status", "not a string"),
        ({"video_id": "v1", "status": None}, "status", "null"),
        ({"video_id": "v1", "status": "ready", "event_type": 7}, "event_type", "not a string"),
    ],
)
def test_what_cannot_be_filed_names_the_field_at_fault(body, field, detail):
    """A body without a valid subject and event type is refused; the error names the field and its fault."""
    with pytest.raises(Unfileable) as refusal:
        classified(body)

    [fault] = refusal.value.errors
    assert (field, detail) == fault


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("c123456", True),
        ("c", True),
        ("c" * 200, True),
        ("会議-é-🎬", True),
        ("a b", True),
        ("c" * 201, False),
        ("", False),
        (" ", False),
        ("c1\n", False),
        ("\x00", False),
        ("\x1b[31mc1", False),
        ("c\u2028", False),
        ("c\u200b", False),
        ("c\u00a0d", False),
        ("c\ud83d", False),
        (1, False),
        (None, False),
        (True, False),
        ([], False),
    ],
)
def test_a_subject_is_1_to_200_printable_characters_trimmed(value, expected):
    """The name of a subject is text that a person can read and distinguish."""
    assert expected is is_name(value)


def test_two_different_subjects_in_one_body_contradict_each_other():
    """A conversation_id that is given twice with different values files nothing."""
    with pytest.raises(Unfileable, match="conversation_id is given twice with different values"):
        classify(parse('{"conversation_id": "a", "event_type": "x", "conversation_id": "b"}'))


def test_the_same_subject_twice_is_no_contradiction():
    """A conversation_id that is given twice with one value counts once."""
    found = classify(parse('{"conversation_id": "a", "event_type": "x", "conversation_id": "a"}'))

    assert found.subject == "a"


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ({"timestamp": "2026-01-02T03:04:05Z", "updated_at": "2026-02-02 00:00:00"}, "2026-01-02"),
        ({"timestamp": None, "updated_at": "2026-02-02 00:00:00"}, "2026-02-02"),
        ({"updated_at": "2026-02-02 00:00:00", "created_at": "2026-01-01 00:00:00"}, "2026-02-02"),
    ],
)
def test_a_status_update_happened_when_it_was_last_updated(times, expected):
    """Without a timestamp, `updated_at` is the time of a video and its like."""
    found = classified({"video_id": "v1", "status": "ready", **times})

    assert expected == found.occurred_at.date().isoformat()


@pytest.mark.parametrize(
    ("timestamp", "expected"), [("soon", True), (7, True), ({}, True), (None, False), (1784000000, False)]
)
def test_a_timestamp_that_is_no_time_is_told_from_none_at_all(timestamp, expected):
    """A body can be without a time, or have one that nobody can use."""
    assert expected is classified({**ABOUT, "event_type": "x", "timestamp": timestamp}).has_unusable_time


def test_the_kinds_are_those_of_the_families():
    """Everything that a family files is of a kind that is listed."""
    assert set(KINDS) == {kind for family in FAMILIES for kind, _ in family.subjects}
    assert "token" not in KINDS
    assert "quarantine" not in KINDS
