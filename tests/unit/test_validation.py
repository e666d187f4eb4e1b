"""Typed callbacks: every published shape fits its model; any other as far as it goes, with flags."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tavus_callbacks import models
from tavus_callbacks.domain.callbacks.families import classify
from tavus_callbacks.domain.callbacks.models import rare, usual
from tavus_callbacks.domain.callbacks.models.base import Model
from tavus_callbacks.domain.callbacks.validation import MOST_PARTS, conversation_models, model_of, validate
from tavus_callbacks.domain.common import issues
from tavus_callbacks.domain.common.json_text import parse

# Members and types: docs/tavus.md, "Conversation event envelope".
ENVELOPE = {
    "message_type": "application",
    "conversation_id": "c123456",
    "webhook_url": "https://example.com/hook?user=4711",
    "timestamp": "2026-07-11T06:48:37.564961Z",
}
TURN = {"role": "user", "content": "Hello."}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def is_model(value):
    """Return whether a value is the model of a callback or of a part of one."""
    return isinstance(value, type) and issubclass(value, Model)


def fitted(body):
    """Fit a body as it would come."""
    document = parse(json.dumps(body))
    return validate(classify(document), document)


def event(event_type, properties, **more):
    """Write a conversation event."""
    return {**ENVELOPE, "event_type": event_type, "properties": properties, **more}


def transcript(*turns, **more):
    """Write a transcript."""
    return event("application.transcription_ready", {"transcript": list(turns), **more})


@pytest.mark.parametrize(
    "body",
    [
        event("system.replica_joined", {"replica_id": "r1"}, message_type="system"),
        event("system.replica_joined", {}),
        event("system.pal_joined", {"face_id": "r1"}),
        event("system.pal_joined", {"pal_id": "p1", "persona_id": "p1"}),
        event("system.shutdown", {"replica_id": "r1", "shutdown_reason": "participant_left_timeout"}),
        event("system.shutdown", {"reason": "max_call_duration reached"}),
        event("system.shutdown", None),
        transcript(),
        transcript(TURN, {"role": "assistant", "content": ""}, replica_id="r1"),
        transcript({**TURN, "timestamp": "2026-07-11T06:48:37Z"}, {**TURN, "timestamp": 1784000000.5}),
        transcript({**TURN, "seconds_from_start": 0.0, "duration": 2, "inference_id": "i1"}),
        transcript({"role": "assistant", "tool_calls": [{"id": "t", "name": "n", "arguments": "{broken"}]}),
        transcript({"role": "assistant", "tool_calls": [{"function": {"name": "n", "arguments": "{}"}}]}),
        transcript({"role": "assistant", "tool_calls": [{"name": "n", "arguments": {"a": [1]}}]}),
        transcript({"role": "tool", "content": "done", "tool_call_id": "t_result"}),
        transcript({"role": "assistant", "content": None}),
        event("application.recording_ready", {"bucket_name": "b", "s3_key": "tavus/c1/1", "duration": 14}),
        event(
            "application.recording_ready",
            {"storage_provider": "s3", "storage_uri": "s3://b/tavus/c1/1", "duration": 14.5},
        ),
        event("application.recording_copy_failed", {"error_message": "AccessDenied"}),
        event(
            "application.recording_copy_failed",
            {
                "recording_id": "00000000-0000-4000-8000-000000000001",
                "s3_key": "tavus/c1/1780000000000",
                "duration": 14,
                "storage_provider": "gcs",
                "error_code": "DESTINATION_AUTH_FAILED",
                "error_message": "token exchange failed",
            },
        ),
        event("application.perception_analysis", {"analysis": "**Calm.**\n* nodded"}),
        event("application.perception_unavailable", {"reason": "no_vision_history"}),
        event(
            "application.post_call_action_executed",
            {
                "tool_id": "t1",
                "tool_name": "crm",
                "status": "error",
                "request": {"body": '{"a":"[1]"}'},
                "response": 500,
            },
        ),
        event(
            "application.post_call_action_executed", {"request": {"body": {"a": 1}}, "response": {"ok": 1}}
        ),
        event("application.memory_consolidation", {"anything": [1, {"a": None}]}),
        event("application.raven_memory_evidence", {"analysis": {"any": "thing"}}),
        event(
            "application.perception_tool_call",
            {"name": "n", "arguments": "{}", "modality": "vision", "frames": [{"data": "/9j/"}]},
        ),
        event("system.replica_present", {"replica_id": "r1"}),
        event(
            "canvas.interaction",
            {
                "interaction_id": "i1",
                "tool_call_id": "t1",
                "component": "form",
                "component_version": 2,
                "type": "submit",
                "value": {"email": "a@example.com"},
                "metadata": None,
            },
            message_type="canvas",
            timestamp="2026-07-11T06:48:37.564Z",
        ),
        event(
            "conversation.objective.completed",
            {"objective_name": "o", "output_variables": {"a": "1", "b": [2]}},
        ),
        {**ENVELOPE, "objective_name": "o", "objective_status": "completed", "output_variables": {"a": 1}},
        event(
            "conversation.guardrail.triggered",
            {"guardrail": {"name": "n"}, "guardrail_name": "n", "guardrail_uuid": "u", "reason": "why"},
        ),
        {"replica_id": "r1", "status": "ready"},
        {"replica_id": "r1", "status": "error", "error_message": "too short"},
        {"face_id": "r1", "status": "ready"},
        {
            "video_id": "v1",
            "video_name": "n",
            "replica_id": "r1",
            "status": "error",
            "status_details": "why",
            "error_details": None,
            "generation_progress": "0/100",
            "download_url": None,
            "stream_url": None,
            "hosted_url": "https://example.com/v1",
            "data": {"script": "Hello."},
            "created_at": "2026-08-28 15:27:40.824457",
            "updated_at": "2026-08-28 15:29:19.802670",
        },
        {"document_id": "d1", "status": "processing", "progress": 10, "tags": ["a"], "crawl_config": {}},
        {"lipsync_id": "l1", "status": "completed", "video_url": "https://example.com/l1"},
        {"replacement_id": "p1", "status": "error"},
        {"transcription_id": "t1", "status": "completed"},
        {"speech_id": "s1", "status": "completed", "speech_file_url": "https://example.com/s1"},
    ],
    ids=lambda body: body.get("event_type") or f"{next(iter(body))}-{body.get('status')}",
)
def test_a_published_shape_fits_its_model(body):
    """Members of the field tables are typed without an issue, and can be written again."""
    model, found = fitted(body)

    assert () == found
    assert body.items() <= json.loads(model.model_dump_json(exclude_unset=True)).items()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (event("system.surprise", {"a": 1}), ["unknown_event_type"]),
        (event("conversation.utterance", "text"), ["unknown_event_type"]),
        (event("system.shutdown", {"shutdown_reason": 7}), ["unexpected_type:properties.shutdown_reason"]),
        (event("system.shutdown", "gone"), ["unexpected_type:properties"]),
        (event("system.shutdown", {"why": "x"}), ["unknown_property:properties.why"]),
        (event("system.shutdown", {}, extra={"a": 1}), ["unknown_property:extra"]),
        (transcript("Hello."), ["unexpected_type:properties.transcript.items"]),
        (transcript(None, TURN, None), ["unexpected_type:properties.transcript.items"]),
        (
            event("application.transcription_ready", {"transcript": "Hello."}),
            ["unexpected_type:properties.transcript"],
        ),
        (
            transcript({"role": 1, "content": ["a"]}, TURN),
            [
                "unexpected_type:properties.transcript.items.role",
                "unexpected_type:properties.transcript.items.content",
            ],
        ),
        (
            transcript({"role": "assistant", "tool_calls": [{"arguments": 5}]}),
            ["unexpected_type:properties.transcript.items.tool_calls.items.arguments"],
        ),
        (
            transcript({**TURN, "mood": "calm"}, {**TURN, "mood": "calm", "I said: hello": 1}),
            [
                "unknown_property:properties.transcript.items.mood",
                "unknown_property:properties.transcript.items.*",
            ],
        ),
        (
            transcript({**TURN, "timestamp": {"str": 1}}),
            ["unexpected_type:properties.transcript.items.timestamp"],
        ),
        (
            event("application.recording_ready", {"duration": 10**400}),
            ["unexpected_type:properties.duration"],
        ),
        (
            {"video_id": "v1", "status": "ready", "data": "script", "updated_at": 5},
            ["unexpected_type:updated_at", "unexpected_type:data"],
        ),
        ({"document_id": "d1", "status": "ready", "progress": {}}, []),
    ],
)
def test_a_part_that_does_not_fit_is_named(body, expected):
    """Unknown and misshaped parts are flagged by their path; the rest is typed."""
    model, found = fitted(body)

    assert model is not None
    assert {*expected} <= {*found}
    assert {issue.partition(":")[0] for issue in expected} == {issue.partition(":")[0] for issue in found}


def test_the_parts_that_fit_are_typed_beside_those_that_do_not():
    """One broken turn leaves the others as they are."""
    model, _ = fitted(transcript(None, TURN, {"role": 5, "content": "kept"}))

    assert [("user", "Hello."), (None, "kept")] == [
        (turn.role, turn.content) for turn in model.properties.transcript
    ]


def test_too_many_misfits_are_no_model():
    """A body that fits nowhere is flagged as such instead of typed bit by bit."""
    model, found = fitted(transcript(*[{"role": number} for number in range(50)]))

    assert model is None
    assert ("unexpected_type:properties.transcript.items.role", issues.MORE_ISSUES) == found


def test_unknown_names_are_limited():
    """A body of a thousand unknown members raises no thousand issues."""
    _, found = fitted(event("system.shutdown", {f"name{number}": 1 for number in range(1000)}))

    assert (issues.LIMIT + 1, issues.MORE_ISSUES) == (len(found), found[-1])


@pytest.mark.parametrize(
    ("turn", "expected"),
    [
        ("null", ["unexpected_type:properties.transcript.items", "more_issues"]),
        ("{}", ["too_many_parts"]),
        ('{"role":"user","content":"' + "x" * 100 + '"}', []),
    ],
)
def test_a_transcript_of_many_turns_is_typed_or_flagged_in_little_time(turn, expected):
    """Typing as many parts as are parsed takes no minutes, as it would if time grew by its square."""
    turns = ",".join([turn] * min(148_000, 4_000_000 // (len(turn) + 1)))
    text = f'{{"conversation_id":"c","event_type":"application.transcription_ready","properties":{{"transcript":[{turns}]}}}}'  # noqa: E501 - one body
    document = parse(text)
    started = time.process_time()

    _, found = validate(classify(document), document)

    assert time.process_time() - started < 5
    assert expected == list(found)


def test_a_body_at_the_limit_of_parts_is_typed():
    """The limit is far beyond what people can say in a call."""
    turns = [{}] * (MOST_PARTS - 3)

    assert fitted(transcript(*turns))[0] is not None
    assert (None, (issues.TOO_MANY_PARTS,)) == fitted(transcript(*turns, []))


@given(
    st.sampled_from([*conversation_models(), "conversation.objective.completed", "x.guardrail"]),
    st.dictionaries(
        st.sampled_from(
            [
                "transcript",
                "replica_id",
                "duration",
                "request",
                "tool_id",
                "objective_name",
                "value",
                "analysis",
            ]
        )
        | st.text(),
        JSON,
    )
    | JSON,
)
def test_any_properties_are_typed_or_flagged(event_type, properties):
    """No content of a known event makes typing fail."""
    model, found = fitted(event(event_type, properties))

    assert model is None or isinstance(model, Model)
    assert len(found) <= issues.LIMIT + 1


@given(
    st.lists(JSON | st.fixed_dictionaries({}, optional={"role": JSON, "content": JSON, "tool_calls": JSON}))
)
def test_any_transcript_is_typed_or_flagged(turns):
    """Turns of any shape are kept in number or flagged."""
    model, found = fitted(transcript(*turns))

    assert found or len(turns) == len(model.properties.transcript)


@pytest.mark.parametrize(
    ("family", "event_type", "expected"),
    [
        ("conversation", "system.shutdown", "Shutdown"),
        ("conversation", "system.surprise", "UnknownConversationCallback"),
        ("objective", "conversation.objective.completed", "Objective"),
        ("guardrail", "x.guardrail", "Guardrail"),
        ("video", "video.ready", "VideoGeneration"),
        ("replica", "replica.ready", "ReplicaTraining"),
        ("document", "document.ready", "StatusUpdate"),
        ("speech", "speech.completed", "StatusUpdate"),
    ],
)
def test_every_family_has_a_published_model(family, event_type, expected):
    """Consumers can import the model of every push and callback."""
    assert expected == model_of(family, event_type).__name__


def test_every_model_is_imported_from_one_place():
    """The public door has every model of a callback, and names nothing else of these modules."""
    published = [value for value in {**vars(usual), **vars(rare)}.values() if is_model(value)]

    assert len(published) > 35
    assert all(getattr(models, model.__name__) is model for model in published)
    assert set(models.__all__) == {name for name, value in vars(models).items() if isinstance(value, type)}


def test_every_member_of_every_model_is_optional():
    """A model says what a part means where it is there; an empty body fits each."""
    published = {value for value in {**vars(usual), **vars(rare)}.values() if is_model(value)}

    assert len(published) > 25
    assert all(model.model_validate({}) for model in published)
