"""Bad input: each gets an answer that a person understands, never a 5xx; with a valid token it is kept."""

import itertools
import json
from datetime import UTC, datetime

import pytest

from tavus_callbacks.domain.common import cursors as cursor
from tavus_callbacks.domain.common import issues
from tavus_callbacks_cli.local_stack.http.payload import Request

# When the gateway gets the next body; later than the one before, so that the newest is known.
MINUTES = itertools.count(int(datetime.now(UTC).timestamp()), 60)


def about(subject):
    """Write a body about a subject."""
    return json.dumps({"conversation_id": subject, "event_type": "system.shutdown"}).encode()


def with_member(text):
    """Write a body with a member of which nothing is checked but JSON itself."""
    return f'{{"conversation_id":"c1","event_type":"system.shutdown","properties":{{"x":{text}}}}}'.encode()


NOT_AN_OBJECT = {
    "empty": (b"", "is empty"),
    "white space": (b" \r\n\t", "is empty"),
    "a byte order mark alone": (b"\xef\xbb\xbf", "is empty"),
    "not JSON": (b"conversation_id=c1&event_type=x", "is not JSON: Expecting value at line 1, column 1"),
    "trailing comma": (b'{"replica_id": "r1", "status": "ready",}', "is not JSON"),
    "comment": (b'{"a": 1 // b\n}', "is not JSON"),
    "cut off": (about("c1")[:-1], "is not JSON"),
    "two objects": (about("c1") * 2, "is not JSON: Extra data"),
    "array": (b"[" + about("c1") + b"]", "is a JSON array"),
    "string": (b'"c1"', "is a JSON string"),
    "number": (b"4711", "is a JSON number"),
    "boolean": (b"true", "is a JSON boolean"),
    "null": (b"null", "is null"),
    "invalid UTF-8": (b'{"conversation_id": "\xff"}', "is not UTF-8: byte 21"),
    "UTF-16": (about("c1").decode().encode("utf-16"), "is not UTF-8: byte 0"),
    "latin-1": ('{"a": "é"}'.encode("latin-1"), "is not UTF-8"),
    "binary": (bytes(range(256)), "is not UTF-8"),
    "raw newline in a string": (with_member('"a\nb"'), "Invalid control character"),
    "raw NUL": (b"\x00", "is not JSON"),
    "nested 101 levels": (with_member("[" * 99 + "]" * 99), "deeper than 100 levels"),
    "nested 100,000 levels": (with_member("[" * 100_000 + "]" * 100_000), "deeper than 100 levels"),
    "NaN": (with_member("NaN"), "NaN is not a JSON number"),
    "Infinity": (with_member("Infinity"), "Infinity is not a JSON number"),
    "-Infinity": (with_member("-Infinity"), "-Infinity is not a JSON number"),
    "1e999": (with_member("1e999"), "too large for a 64-bit float"),
    "4,301 digits": (with_member("9" * 4301), "more than 4300 digits"),
}
UNFILEABLE = {
    "empty object": (b"{}", "conversation_id"),
    "nobody named": (b'{"event_type": "utterance", "data": {}}', "conversation_id"),
    "an id without a status": (b'{"video_id": "v1"}', "conversation_id"),
    "conversation_id missing": (b'{"event_type": "system.shutdown"}', "conversation_id"),
    "event_type missing": (b'{"conversation_id": "c1"}', "event_type"),
    "event_type empty": (b'{"conversation_id": "c1", "event_type": ""}', "event_type"),
    "event_type a number": (b'{"conversation_id": "c1", "event_type": 1}', "event_type"),
    "id null": (about(None), "conversation_id"),
    "id empty": (about(""), "conversation_id"),
    "id a number": (about(4711), "conversation_id"),
    "id a boolean": (about(True), "conversation_id"),
    "id an object": (about({"id": "c1"}), "conversation_id"),
    "id with a newline": (about("c1\nc2"), "conversation_id"),
    "id with a NUL": (about("c1\x00"), "conversation_id"),
    "id with a terminal escape": (about("\x1b[2Jc1"), "conversation_id"),
    "id with a line separator": (about("c1\u2028"), "conversation_id"),
    "id with half a surrogate pair": (about("c1\ud83d"), "conversation_id"),
    "id with a space at its end": (about("c1 "), "conversation_id"),
    "id of 201 characters": (about("c" * 201), "conversation_id"),
    "id of 10 KB": (about("c" * 10_240), "conversation_id"),
    "two different ids": (
        b'{"conversation_id": "a", "event_type": "x", "conversation_id": "b"}',
        "conversation_id",
    ),
    "status a number": (b'{"video_id": "v1", "status": 1}', "status"),
    "replica_id with a NUL": (b'{"replica_id": "\\u0000", "status": "ready"}', "replica_id"),
}
TRANSCRIPT = (
    b'{"conversation_id":"c1","event_type":"application.transcription_ready","properties":{"transcript":%b}}'
)
ODD = {
    "unknown event type": (
        b'{"conversation_id": "c1", "event_type": "system.surprise"}',
        "unknown_event_type",
    ),
    "half a surrogate pair": (with_member('"cut \\ud83d"'), issues.UNPAIRED_SURROGATE),
    "byte order mark": (b"\xef\xbb\xbf" + about("c1"), issues.BYTE_ORDER_MARK),
    "doubled key": (b'{"event_type": "a", "conversation_id": "c1", "event_type": "b"}', issues.REPEATED_KEY),
    "doubled nested key": (with_member('{"a": 1, "a": 2}'), issues.REPEATED_KEY),
    "the same id twice": (
        b'{"conversation_id": "c1", "event_type": "x", "conversation_id": "c1"}',
        issues.REPEATED_KEY,
    ),
    "a timestamp that is not a time": (
        b'{"conversation_id": "c1", "event_type": "system.shutdown", "timestamp": "<timestamp>"}',
        issues.UNUSABLE_TIME,
    ),
    "a transcript that is a string": (
        TRANSCRIPT % b'"Hello."',
        "unexpected_type:properties.transcript",
    ),
    "a turn that is null": (
        TRANSCRIPT % b"[null]",
        "unexpected_type:properties.transcript.items",
    ),
    "properties that are a list": (
        b'{"conversation_id": "c1", "event_type": "system.shutdown", "properties": []}',
        "unexpected_type:properties",
    ),
    "4,300 digits": (with_member("9" * 4300), "unknown_property:properties.x"),
    "nested 100 levels": (with_member("[" * 98 + "]" * 98), "unknown_property:properties.x"),
    "escaped control characters": (with_member('"\\u0000\\u001b[2J"'), "unknown_property:properties.x"),
}


def named(cases):
    """Make parameters whose ids are the names of the cases."""
    return [pytest.param(*case, id=name) for name, case in cases.items()]


def newest_in_quarantine(api):
    """Return the entry that came last by its first receipt."""
    [entry] = api.get("/quarantine", "limit=1", token=api.quarantine_token).value["quarantine"]
    return entry


def is_problem(reply):
    """Tell whether an answer is problem details of its own status, with words and without a stack trace."""
    assert "application/problem+json" == reply.headers["content-type"]
    assert reply.status == reply.value["status"]
    assert {"type", "title", "detail"} <= reply.value.keys()
    return b"Traceback" not in reply.body and b"Error" not in reply.body


@pytest.mark.parametrize(("body", "reason"), named(NOT_AN_OBJECT))
def test_what_is_no_json_object_is_400_and_kept(module_api, body, reason):
    """The answer says what is wrong and where; the bytes are in quarantine."""
    reply = module_api.post(body, at=next(MINUTES))

    assert is_problem(reply)
    assert 400 == reply.status
    assert reason in reply.value["detail"]
    entry = newest_in_quarantine(module_api)
    assert (reply.value["quarantine_id"], 400) == (entry["quarantine_id"], entry["status"])
    assert (body.decode("utf-8", "replace"), len(body)) == (entry["body"], entry["size"])


@pytest.mark.parametrize(("body", "field"), named(UNFILEABLE))
def test_what_cannot_be_filed_is_422_and_kept(module_api, body, field):
    """The answer names the field at fault; the body is in quarantine."""
    reply = module_api.post(body, at=next(MINUTES))

    assert is_problem(reply)
    assert 422 == reply.status
    assert [field] == [fault["field"] for fault in reply.value["errors"]]
    entry = newest_in_quarantine(module_api)
    assert (reply.value["quarantine_id"], 422) == (entry["quarantine_id"], entry["status"])
    assert body.decode() == entry["body"]


@pytest.mark.parametrize(("body", "issue"), named(ODD))
def test_what_is_odd_is_200_and_flagged(module_api, body, issue):
    """If id and type are valid, the event is stored, with its oddities named, and read byte for byte."""
    reply = module_api.post(body)

    assert (200, "stored") == (reply.status, reply.value["status"])
    assert issue in reply.value["issues"]
    assert body == module_api.get(f"/events/{reply.value['event_id']}/body").body
    [event] = [event for event in module_api.events("c1") if event["event_id"] == reply.value["event_id"]]
    assert reply.value["issues"] == event["issues"]


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "application/json; charset=utf-8", "text/plain", "application/octet-stream", ""],
)
@pytest.mark.parametrize("body", [about("c1"), about("c\xe9\U0001f3ac"), b"\xff", b"nope"])
def test_the_content_type_changes_nothing(module_api, body, content_type):
    """Whether the gateway hands a body on as text or in base64, it is the same body."""
    expected = module_api.post(body)

    again = module_api.post(body, content_type=content_type)

    assert expected.status == again.status
    assert (
        expected.value["quarantine_id"] == again.value["quarantine_id"]
        if expected.status == 400
        else again.value["status"] == "duplicate"
    )


@pytest.mark.parametrize(
    "subject",
    [
        "c" * 200,
        "a b",
        "日本語の会議",
        "Ünïcödé",
        "🎬",
        "a/b?c=d&e#f",
        "~",
        "~abc",
        ".",
        "..",
        'say "hi"',
        "\\",
        "%2F",
    ],
)
def test_an_unusual_id_is_kept_and_read_by_its_subject(module_api, subject):
    """Any printable id is filed, found by `/events?subject=`, and its body by its event id."""
    from urllib.parse import quote

    reply = module_api.post(about(subject))

    assert (200, subject) == (reply.status, reply.value["subject"])
    assert [subject] == [event["subject"] for event in module_api.events(quote(subject, safe=""))]
    assert about(subject) == module_api.get(f"/events/{reply.value['event_id']}/body").body


def test_half_a_surrogate_pair_in_the_gateways_text_is_no_crash(module_api):
    """If the gateway passes on text that is not UTF-8, it is refused and stored like such bytes."""
    from tavus_callbacks.handlers import receive
    from tavus_callbacks_cli.local_stack.http.payload import make_event
    from tavus_callbacks_cli.local_stack.http.routes import match_route

    request = Request("POST", f"/callbacks/{module_api.token}".encode())
    event = make_event(
        request, *match_route(module_api.routes, "POST", request.path.decode()), now=next(MINUTES)
    )

    result = receive.handler({**event, "body": '{"a": "\ud83d"}', "isBase64Encoded": False}, None)

    assert 400 == result["statusCode"]
    assert json.loads(result["body"])["quarantine_id"] in {
        entry["quarantine_id"] for entry in module_api.quarantine()
    }


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/callbacks"),
        ("POST", "/callbacks/"),
        ("POST", "/"),
        ("POST", "/callbacks//{token}"),
        ("PUT", "/callbacks/{token}"),
        ("PUT", "/callbacks/{token}/webhook"),
        ("DELETE", "/callbacks/{token}"),
        ("HEAD", "/callbacks/{token}"),
        ("OPTIONS", "/callbacks/{token}"),
        ("POST", "/events"),
        ("GET", "/event"),
    ],
)
def test_no_such_route_is_the_gateways_404(module_api, method, path):
    """A path without a route never reaches a function."""
    before = len(module_api.records())

    reply = module_api.send(Request(method, path.format(token=module_api.token).encode(), body=about("c1")))

    assert (404, {"message": "Not Found"}) == (reply.status, reply.value)
    assert before == len(module_api.records())


def forged(state, **filters):
    """Write the query of a cursor that names its list rightly, whatever else it says."""
    place = cursor.encode({**state, "of": cursor.list_name("/events", filters)})
    return "&".join([*(f"{name}={value}" for name, value in filters.items()), f"cursor={place}"])


@pytest.mark.parametrize(
    ("path", "query", "expected"),
    [
        ("/events", "limit=0", 400),
        ("/events", "limit=201", 400),
        ("/events", "limit=0001000", 400),
        ("/events", "limit=ten", 400),
        ("/events", "limit=-1", 400),
        ("/events", "limit=%D9%A1", 400),
        ("/events", "cursor=x", 400),
        ("/events", "after=yesterday", 400),
        ("/events", "after=%00", 400),
        ("/events", "cursor=W10", 400),
        ("/events", forged({"settled": 1}), 400),
        ("/events", forged({"given": 1}), 400),
        ("/events", forged({"settled": "", "given": []}), 200),
        ("/events", "kind=conversation", 400),
        ("/events", "subject=c1", 400),
        ("/events", "kind=conversation&subject=c1&cursor=!", 400),
        ("/events", forged({"after": "x"}, kind="conversation", subject="c1"), 400),
        ("/events", forged({"after": [1]}, kind="conversation", subject="c1"), 400),
        ("/events", forged({}, kind="conversation", subject="c1"), 200),
        ("/events", "kind=conversation&subject=c1&limit=x", 400),
        ("/events", "kind=conversation&subject=nobody", 200),
        ("/events", "kind=nothing&subject=c1", 200),
        ("/events", f"kind=conversation&subject={'c' * 3000}", 200),
        ("/events", "kind=conversation&subject=%00", 200),
        ("/events", "kind=&subject=", 200),
        ("/events", "after=2026-01-01T00:00:00Z", 200),
        ("/events", "after=2099-01-01T00:00:00Z", 200),
        ("/events", "after=1784000000", 200),
        ("/events/x/body", "", 404),
        ("/events/conversation.c1.untimed-00000000000000000000000000000000/body", "", 404),
        (f"/events/conversation.{'c' * 3000}.untimed-00000000000000000000000000000000/body", "", 404),
        ("/events/conversation.~AA.untimed-00000000000000000000000000000000/body", "", 404),
        ("/conversations/nobody/events", "", 404),
        ("/conversations/%22/events", "", 404),
        ("/conversations/a%23b/events", "", 404),
    ],
)
def test_a_wrong_question_is_answered_in_words(module_api, caplog, path, query, expected):
    """A mistake is a 400 or 404 that says what is wrong; what nobody kept is an empty list or a 404."""
    reply = module_api.get(path, query)

    assert expected == reply.status
    assert "no-store" == reply.headers["cache-control"]
    assert "events" in reply.value if expected == 200 else is_problem(reply)
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("cursor", ["x", "W10", "%FF"])
def test_a_wrong_cursor_of_quarantine_is_answered_in_words(module_api, cursor):
    """The list of what could not be filed takes no foreign cursor."""
    token = module_api.quarantine_token

    assert 400 == module_api.get("/quarantine", f"cursor={cursor}", token=token).status
