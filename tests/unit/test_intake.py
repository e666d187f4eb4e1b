"""From bytes to an event: identity knows what differs and ignores the rest; the body stays as it came."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tavus_callbacks.domain.callbacks.event import event_id, parse_event_id, repeat_ref, variant_ref
from tavus_callbacks.domain.callbacks.families import FAMILIES, is_name
from tavus_callbacks.domain.callbacks.intake import parse_event
from tavus_callbacks.domain.callbacks.redaction import redact
from tavus_callbacks.domain.callbacks.validation import conversation_models
from tavus_callbacks.domain.common import issues
from tavus_callbacks.domain.common.errors import NotAnObject, Unfileable
from tavus_callbacks.domain.common.token import new_token

NOW = datetime(2026, 7, 11, 7, 0, tzinfo=UTC)
AT = "2026-07-11T06:48:37.564961Z"
HOOK = "https://example.com/callbacks/"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
# The names that classification and identity look at, among others.
NAMES = st.sampled_from(
    [
        *("conversation_id", "event_type", "properties", "timestamp", "status", "updated_at", "video_id"),
        *("replica_id", "face_id", "document_id", "objective_id", "objective_name", "objective_status"),
        *("output_variables", "guardrail", "guardrail_id", "s3_key", "storage_uri", "tool_id", "webhook_url"),
    ]
)
MEMBERS = st.dictionaries(NAMES | st.text(), JSON, max_size=8)
OTHER_MEMBERS = st.dictionaries(st.text().map("x-{}".format), JSON, max_size=5)


def understood(body, query="", label="l"):
    """Understand bytes as they are, anything else as JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return parse_event(raw, query=query, label=label, received_at=NOW)


def understood_or_refused(body):
    """Return the event, or None where it cannot be filed; anything else is raised."""
    try:
        return understood(body)
    except Unfileable:
        return None


def identity(body, **how):
    """Return what makes two callbacks one event."""
    event = understood(body, **how)
    return event.kind, event.subject, event.ref


def about(event_type, properties=None, **more):
    """Write a conversation event."""
    body = {"conversation_id": "c1", "event_type": event_type, "timestamp": AT, **more}
    return body if properties is None else {**body, "properties": properties}


def recording(**properties):
    """Write a recording_ready."""
    return about("application.recording_ready", properties)


def action(**properties):
    """Write a post_call_action_executed."""
    return about("application.post_call_action_executed", properties)


def interaction(**properties):
    """Write a canvas.interaction."""
    return about("canvas.interaction", properties)


def objective(properties=None, **more):
    """Write a completed objective."""
    return about("conversation.objective.completed", properties, **more)


def guardrail(**properties):
    """Write a guardrail."""
    return about("conversation.guardrail.triggered", properties)


SHUTDOWN = about("system.shutdown", {"shutdown_reason": "x"})
BUDGET = {"objective_name": "budget", "output_variables": {"sum": "10", "unit": "€"}}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (SHUTDOWN, dict(reversed(SHUTDOWN.items()))),
        (SHUTDOWN, json.dumps(SHUTDOWN, indent=4, separators=(" ,", ": ")).encode()),
        (SHUTDOWN, SHUTDOWN | {"webhook_url": HOOK + new_token()}),
        (SHUTDOWN, SHUTDOWN | {"webhook_url": HOOK + "?a=1", "callback_url": None}),
        (SHUTDOWN, SHUTDOWN | {"timestamp": "2026-07-11T08:48:37.564961+02:00"}),
        (SHUTDOWN, SHUTDOWN | {"timestamp": "2026-07-11 06:48:37.564961"}),
        (SHUTDOWN, SHUTDOWN | {"timestamp": 1783752517.564961}),
        (SHUTDOWN, SHUTDOWN | {"properties": {"reason": "x reached"}}),
        (SHUTDOWN, about("system.shutdown", None, shutdown_reason="x")),
        (about("system.replica_joined", {"replica_id": "r1"}), about("system.replica_joined", {})),
        (about("system.pal_joined", {"face_id": "r1"}), about("system.pal_joined")),
        (
            about("application.transcription_ready", {"transcript": [{"role": "user", "content": "a"}]}),
            about("application.transcription_ready", {"transcript": []}),
        ),
        (
            about("application.perception_analysis", {"analysis": "a"}),
            about("application.perception_analysis", {"analysis": "b"}),
        ),
        (
            recording(bucket_name="b", s3_key="tavus/c1/1.mp4", duration=14),
            recording(storage_provider="s3", storage_uri="s3://b/tavus/c1/1"),
        ),
        (recording(s3_key="tavus/c1/1"), recording(s3_key="tavus/c1/1.mp4", duration=3)),
        (action(tool_id="t1", status="ok"), action(tool_id="t1", status="error", response={})),
        (interaction(interaction_id="i1", value=1), interaction(interaction_id="i1", value=2)),
        (objective(BUDGET), objective(None, **BUDGET)),
        (
            objective(BUDGET),
            objective({"output_variables": {"unit": "€", "sum": "10"}, "objective_name": "budget"}),
        ),
        (guardrail(guardrail_uuid="g1", reason="a"), guardrail(guardrail_uuid="g1", reason="b")),
        (
            {"video_id": "v1", "status": "ready", "updated_at": "2026-07-11 06:48:37.5"},
            {"video_id": "v1", "status": "ready", "updated_at": "2026-07-11T06:48:37.500Z", "data": {}},
        ),
        (
            {"replica_id": "r1", "status": "ready"},
            {"status": "ready", "replica_id": "r1", "callback_url": HOOK + new_token()},
        ),
    ],
)
def test_identity_ignores_what_is_the_same_event(one, other):
    """Order, white space, echoed URLs, forms of time, poorer and richer copies: one event."""
    assert identity(one) == identity(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (SHUTDOWN, SHUTDOWN | {"conversation_id": "c2"}),
        (SHUTDOWN, SHUTDOWN | {"event_type": "system.replica_joined"}),
        (about("system.replica_joined"), about("system.pal_joined")),
        (SHUTDOWN, SHUTDOWN | {"timestamp": "2026-07-11T06:48:37.564962Z"}),
        (SHUTDOWN, {key: value for key, value in SHUTDOWN.items() if key != "timestamp"}),
        (recording(s3_key="tavus/c1/1"), recording(s3_key="tavus/c1/2")),
        (recording(s3_key="tavus/c1/1"), recording()),
        (recording(storage_uri="s3://b/tavus/c1/1"), recording(storage_uri="s3://b/tavus/c1/2")),
        (action(tool_id="t1"), action(tool_id="t2")),
        (action(tool_id="t1"), action(tool_name="t1")),
        (interaction(interaction_id="i1"), interaction(interaction_id="i2")),
        (objective(BUDGET), objective(BUDGET | {"objective_name": "name"})),
        (objective(BUDGET), objective(BUDGET | {"output_variables": {"sum": "11"}})),
        (objective(BUDGET), objective(BUDGET, objective_status="pending")),
        (guardrail(guardrail_uuid="g1"), guardrail(guardrail_uuid="g2")),
        (guardrail(guardrail_name="a"), guardrail(guardrail_name="b")),
        (guardrail(guardrail={"name": "a"}), guardrail(guardrail={"name": "b"})),
        (
            {"video_id": "v1", "status": "ready", "updated_at": AT},
            {"video_id": "v1", "status": "error", "updated_at": AT},
        ),
        (
            {"video_id": "v1", "status": "ready", "updated_at": AT},
            {"lipsync_id": "v1", "status": "ready", "updated_at": AT},
        ),
        (
            {"replica_id": "r1", "status": "error", "error_message": "a"},
            {"replica_id": "r1", "status": "error", "error_message": "b"},
        ),
        ({"replica_id": "r1", "status": "ready"}, {"replica_id": "r1", "status": "ready", "x": None}),
    ],
)
def test_identity_separates_what_differs(one, other):
    """Kind, subject, type, time and what names a thing of its own: two events."""
    assert identity(one) != identity(other)


@given(OTHER_MEMBERS, st.booleans(), st.randoms(), st.text(), st.sampled_from([None, 4]))
def test_identity_and_content_ignore_form_echo_token_and_tags(members, has_time, random, url, indent):
    """Written again and sent to another URL, a body is the same event with the same content."""
    body = {"conversation_id": "c1", "event_type": "system.surprise", **members}
    body |= {"timestamp": AT} if has_time else {}
    items = [*body.items(), ("webhook_url", url), ("callback_url", HOOK + new_token() + "?user=1")]
    random.shuffle(items)
    again = json.dumps(dict(items), indent=indent, ensure_ascii=random.random() < 0.5).encode(
        "utf-8", "surrogatepass"
    )

    one, other = understood(body), understood(again, query="user=1&plan=gold", label="other")

    assert (one.ref, one.content) == (other.ref, other.content)


@given(OTHER_MEMBERS, OTHER_MEMBERS)
def test_without_a_time_content_is_identity(one, other):
    """Two bodies without a time are one event exactly when they say the same."""
    base = {"conversation_id": "c1", "event_type": "system.surprise"}
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)

    assert same is (identity(base | one) == identity(base | other))


@given(OTHER_MEMBERS, OTHER_MEMBERS)
def test_with_a_time_content_is_no_identity_but_tells_variants(one, other):
    """Other content for the same type and moment is the same event; its content is known to differ."""
    first, second = understood(about("system.surprise", one)), understood(about("system.surprise", other))
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)

    assert first.ref == second.ref
    assert same is (first.content == second.content)


@pytest.mark.parametrize("event_type", [*conversation_models(), "system.surprise"])
@settings(max_examples=20)
@given(st.dictionaries(st.sampled_from(["replica_id", "s3_key", "tool_id", "interaction_id"]), st.text()))
def test_a_copy_from_the_verbose_record_is_the_same_event(event_type, properties):
    """The record has type, time and properties alone; with the conversation's id added it is the same."""
    delivered = about(event_type, properties, message_type="system", webhook_url=HOOK + new_token())
    copy = {"event_type": event_type, "timestamp": AT, "properties": properties, "conversation_id": "c1"}

    assert identity(delivered) == identity(copy)


@pytest.mark.parametrize("copy", [{"properties": {}}, {}])
@pytest.mark.parametrize("event_type", ["system.replica_joined", "system.pal_joined"])
def test_a_joined_event_without_properties_is_the_same_event(event_type, copy):
    """The record was seen to leave the properties of a joined event empty."""
    delivered = about(event_type, {"replica_id": "r1", "face_id": "r1"}, message_type="system")

    assert identity(delivered) == identity(about(event_type) | copy)


@given(MEMBERS)
def test_any_object_is_an_event_or_unfileable(body):
    """Whatever its members hold, an object is understood or refused, and never anything else."""
    event = understood_or_refused(body)

    if event is not None:
        assert is_name(event.subject)
        assert is_name(event.event_type)
        assert (event.kind, event.subject, event.ref) == parse_event_id(event.event_id)


@pytest.mark.parametrize(
    "id_and_type",
    [
        *({key: "s1", "status": "ready"} for family in FAMILIES for _, key in family.subjects[-1:]),
        {"conversation_id": "c1", "event_type": "application.recording_ready"},
        {"conversation_id": "c1", "event_type": "conversation.objective.completed"},
        {"conversation_id": "c1", "event_type": "canvas.interaction"},
        {"conversation_id": "c1", "event_type": "conversation.guardrail"},
    ],
)
@settings(max_examples=15)
@given(MEMBERS)
def test_any_members_beside_a_subject_can_be_understood(id_and_type, members):
    """No member of any type makes a body with a subject fail in any way but a refusal."""
    event = understood_or_refused(members | id_and_type)

    assert event is None or redact(json.dumps(members | id_and_type), {}) == event.text


@given(JSON | st.text() | st.binary())
def test_anything_else_is_no_object(body):
    """Any other JSON, text or bytes are refused as no object, or lack a subject."""
    raw = body.encode() if isinstance(body, str) else body
    with pytest.raises((NotAnObject, Unfileable)):
        understood(raw)


@given(OTHER_MEMBERS, st.sampled_from([None, 2, "\t"]), st.booleans())
def test_a_body_is_kept_byte_for_byte(members, indent, ascii_only):
    """The body is stored as it was sent: white space, escapes, order and numbers."""
    text = json.dumps(about("system.surprise", members), indent=indent, ensure_ascii=ascii_only)
    raw = text.encode("utf-8", "replace")

    assert raw == understood(raw).text.encode()


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b'\xef\xbb\xbf{"conversation_id":"c1","event_type":"system.shutdown"}', issues.BYTE_ORDER_MARK),
        (b'{"conversation_id":"c1","event_type":"system.shutdown","x":"\\ud83d"}', issues.UNPAIRED_SURROGATE),
        (b'{"conversation_id":"c1","event_type":"x","event_type":"system.shutdown"}', issues.REPEATED_KEY),
        (b'{"conversation_id":"c1","event_type":"system.shutdown","timestamp":"soon"}', issues.UNUSABLE_TIME),
        (b'{"conversation_id":"c1","event_type":"system.shutdown","timestamp":{}}', issues.UNUSABLE_TIME),
        (b'{"conversation_id":"c1","event_type":"system.surprise"}', issues.UNKNOWN_EVENT_TYPE),
        (
            b'{"conversation_id":"c1","event_type":"system.shutdown","properties":1}',
            "unexpected_type:properties",
        ),
    ],
)
def test_what_is_odd_is_flagged_and_kept_as_it_came(raw, expected):
    """An event with an issue is an event: its bytes stay."""
    event = understood(raw)

    assert expected in event.issues
    assert raw == event.text.encode()


def test_dropped_tags_are_flagged():
    """A query beyond the limits costs nothing but a flag."""
    event = understood(SHUTDOWN, query="user=4711&user=4712")

    assert ({"user": "4711"}, (issues.TAG_DROPPED,)) == (event.tags, event.issues)


def test_a_token_is_gone_before_anything_is_derived():
    """A token as subject, type, tag or text is in no part of the event."""
    token = new_token()
    body = {"conversation_id": f"c-{token}", "event_type": token, token: token, "timestamp": token}

    assert token not in repr(understood(body, query=f"t={token}&user=1"))


def test_an_event_knows_its_id():
    """Kind, subject and reference together are the id."""
    event = understood(SHUTDOWN)

    assert event_id("conversation", "c1", event.ref) == event.event_id


NAMED = st.text(st.characters(codec="utf-8"), min_size=1, max_size=200).filter(is_name)


@given(st.sampled_from(["conversation", "video"]), NAMED, st.sampled_from([about("x"), {"a": 1}]))
def test_an_event_id_needs_no_escaping_and_leads_back(kind, subject, body):
    """Kind, subject and reference survive the way through a URL."""
    ref = understood(about("x") | body).ref
    for reference in (ref, repeat_ref(ref, 12), variant_ref(ref, "0" * 32)):
        name = event_id(kind, subject, reference)

        assert not set(name) - set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~")
        assert (kind, subject, reference) == parse_event_id(name)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "conversation.c1",
        "conversation.c1.untimed-xyz",
        ".c1.untimed-" + "0" * 32,
        "conversation..untimed-" + "0" * 32,
        "conversation.~.untimed-" + "0" * 32,
        "conversation.~_w.untimed-" + "0" * 32,
        "conversation.~a.untimed-" + "0" * 32,
        "conversation.c1.untimed-" + "0" * 32 + "-v1",
    ],
)
def test_what_is_no_event_id_is_none(text):
    """Garbage names no event."""
    assert parse_event_id(text) is None


@given(st.text())
def test_any_text_is_an_event_id_or_none(text):
    """No text makes reading an event id fail."""
    assert parse_event_id(text) is None
    parse_event_id(f"conversation.~{text}.untimed-{'0' * 32}")


@pytest.mark.parametrize(
    ("raw", "ref", "content"),
    [
        (
            (
                b'{"conversation_id":"c1","event_type":"system.shutdown","timestamp":"2026-11-20T10:00:00Z",'
                b'"properties":{"shutdown_reason":"x \\ud83d"}}'
            ),
            "00001795168800000000-1b08213e20ebfd802292868aac88de34",
            "9b03c2cf90c4188b9e58eeb230b7d489",
        ),
        (
            (
                b'{"conversation_id":"c1","event_type":"system.shutdown","properties":{"a":["\\ude00","\\ud83d\\ude00",'
                b'{"\\ud83d":1,"\\ude00":2}],"b":[1.5e3,-0.0,12345678901234567890]}}'
            ),
            "untimed-72be753a0bcfafcc4a8c6564850f8013",
            "6a4eb41773f38b0c994e4b29ec5df9c0",
        ),
        (
            (
                b'{"conversation_id":"c1","event_type":"x","n":{"a":{"b":["\\\\ud83d"]}},'
                b'"n":{"a":{"b":["\\uDE00 \\uD83D"]}}}'
            ),
            "untimed-62496a3ba8ed2f81ece855ad32b02885",
            "c896e867ae33ada00a0c2d6438683879",
        ),
    ],
)
def test_unpaired_surrogates_keep_their_identity(raw, ref, content):
    """Stored events keep their ids: these were made when such a body was parsed twice."""
    event = parse_event(raw, query="", label="l", received_at=NOW)

    assert (ref, content) == (event.ref, event.content)
    assert issues.UNPAIRED_SURROGATE in event.issues
