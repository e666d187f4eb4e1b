"""Answers near Lambda's 6 MB: in any script they are whole, or they say how to ask for less."""

import gzip
import json
import secrets

import pytest
from inprocess import PAYLOAD_LIMIT, strict_json
from projecting import project_all
from pydantic_core import from_json

from tavus_callbacks.api import responses

SCRIPTS = {
    "Cyrillic": "Да, конечно. ",
    "Japanese": "それでは、ご予算について。",
    "emoji": "🎬",
    "quotes": '"\\',
}
AT = "2027-03-01T12:00:{:02}Z"


def said(event_type, second=0, **properties):
    """Write a callback."""
    members = {"conversation_id": "c1", "event_type": event_type, "timestamp": AT.format(second)}
    return json.dumps({**members, "properties": properties}, ensure_ascii=False).encode()


def post(api, *bodies):
    """Keep bodies, as bytes that the gateway need not escape."""
    for body in bodies:
        assert 200 == api.post(body, content_type="application/octet-stream").status


def text(unit, size):
    """Repeat a text up to so many bytes of UTF-8."""
    return unit * (size // len(unit.encode()))


@pytest.mark.parametrize("unit", [SCRIPTS[name] for name in ("Cyrillic", "Japanese", "emoji")], ids=ascii)
def test_two_megabytes_of_any_script_stand_in_the_view(api, unit):
    """An answer that escapes made three times as large is sent as UTF-8, with nothing left out."""
    analysis = text(unit, 2_000_000)
    post(api, said("application.perception_analysis", analysis=analysis))

    answer = api.get("/conversations/c1")

    assert 200 == answer.status
    assert (analysis, None) == tuple(answer.value["perception"][name] for name in ("analysis", "body_url"))
    assert len(analysis.encode()) <= len(answer.body) < 2_100_000


@pytest.mark.slow
@pytest.mark.parametrize("unit", SCRIPTS.values(), ids=SCRIPTS)
def test_a_view_beyond_lambdas_limit_names_where_the_rest_is(api, unit):
    """Large values are left out, each with the URL of its event; small ones stay."""
    # Above the limit of an answer, below what a view reads, for each script.
    value = text(unit, 920_000)
    actions = [
        said("application.post_call_action_executed", second, tool_id=f"t{second}", response=value)
        for second in range(7)
    ]
    small = said("application.post_call_action_executed", 9, tool_id="t9", response={"ok": True})
    post(api, *actions, small)

    view = api.get("/conversations/c1").value

    *large, last = view["actions"]
    assert ([None] * 7, {"ok": True}) == ([one["response"] for one in large], last["response"])
    assert (None, 7) == (last["body_url"], len({one["body_url"] for one in large}))
    assert value == api.get(large[0]["body_url"]).value["properties"]["response"]


def test_objectives_beyond_the_limit_keep_their_names(api):
    """Their values are in the events of their deliveries."""
    objective = {"event_type": "conversation.objective.completed", "conversation_id": "c1"}
    for number in range(4):
        said_values = {"objective_name": f"o{number}", "output_variables": {"x": text("Да", 1_000_000)}}
        body = {**objective, "timestamp": AT.format(number), "properties": said_values}
        post(api, json.dumps(body, ensure_ascii=False).encode())

    found = api.get("/conversations/c1").value["objectives"]

    assert [("o0", {}), ("o1", {}), ("o2", {}), ("o3", {})] == [(one["name"], one["values"]) for one in found]
    assert all(one["history"][0]["body_url"] for one in found)


def test_guardrails_beyond_the_limit_are_counted_without_their_names(api):
    """A name of a megabyte is left out of the trigger and of the count; the event has it."""
    for number in range(4):
        post(
            api,
            said("conversation.guardrail.triggered", number, guardrail=text("Да", 1_000_000) + str(number)),
        )

    found = api.get("/conversations/c1").value

    assert [(None, 1)] * 4 == [(one["name"], one["count"]) for one in found["guardrail_counts"]]
    assert all(one["body_url"] for one in found["guardrails"])


def test_a_transcript_beyond_the_limit_says_how_to_ask_for_less(api):
    """Quotes are escaped twice on their way as JSON and once as text; the answer says so."""
    turns = [{"role": "user", "content": f"{number} " + '"' * 1900} for number in range(1000)]
    post(api, said("application.transcription_ready", transcript=turns))

    path = "/conversations/c1/transcript"
    refused, as_text = (api.get(path, f"format={form}") for form in ("json", "text"))
    as_gzip = api.get(path, accept="gzip")

    assert (409, "Too large to answer", "application/problem+json") == (
        refused.status,
        refused.value["title"],
        refused.headers["content-type"],
    )
    assert "format=text" in refused.value["detail"]
    assert (200, 1000) == (as_text.status, as_text.body.count(b"\n"))
    assert (200, 1000) == (as_gzip.status, len(strict_json(gzip.decompress(as_gzip.body))["turns"]))


@pytest.mark.parametrize("path", ["/events?limit=200", "/conversations/c1/events?limit=200"])
@pytest.mark.parametrize("unit", ["Да", "\x01", '"'], ids=ascii)
def test_pages_of_events_end_before_the_limit(api, path, unit):
    """Whatever bodies hold, a page holds what can be answered, and the cursor leads on."""
    post(api, *(said("x.y", second, x=text(unit, 200_000)) for second in range(9)))
    path, query = path.split("?")

    seen, cursor = [], ""
    while page := api.get(path, f"{query}&cursor={cursor}").value:
        seen += page["events"]
        cursor = page["cursor"]
        if not (cursor and page["events"]):
            break

    assert 9 == len({one["event_id"] for one in seen})


@pytest.mark.parametrize(
    ("unit", "content_type", "room"),
    [
        ("x", "application/json", PAYLOAD_LIMIT),
        ("Да", "application/json", PAYLOAD_LIMIT),
        ("会議", "application/json", PAYLOAD_LIMIT),
        ('\\"', "application/octet-stream", PAYLOAD_LIMIT * 3 // 4),
    ],
    ids=ascii,
)
def test_the_largest_body_that_comes_in_goes_out(api, unit, content_type, room):
    """As text or in base64: it fits in the form in which the gateway handed it over."""
    raw = f'{{"conversation_id":"c1","event_type":"x","x":"{text(unit, room - 4096)}"}}'.encode()

    reply = api.post(raw, content_type=content_type)

    assert 200 == reply.status
    assert raw == api.get(f"/events/{reply.value['event_id']}/body").body


@pytest.mark.parametrize("raw", [b"\xff" * 300_000, b'"no object"' + b" " * 300_000], ids=["bytes", "text"])
def test_a_large_body_in_quarantine_is_read_whole(api, raw):
    """The list says null, the body's own call gives the bytes."""
    refused = api.post(raw, content_type="application/octet-stream").value

    [entry] = api.quarantine()
    answer = api.get(f"/quarantine/{refused['quarantine_id']}/body", token=api.quarantine_token)

    assert (None, len(raw)) == (entry["body"], entry["size"])
    assert (200, "application/octet-stream") == (answer.status, answer.headers["content-type"])
    assert raw == answer.body


@pytest.mark.parametrize("name", ["x", "0" * 32, "%00"])
def test_what_is_not_in_quarantine_is_404(api, name):
    """As any other name."""
    assert 404 == api.get(f"/quarantine/{name}/body", token=api.quarantine_token).status


HALVES = {"\ud83d": {"Да \ude00": ["cut \ud83d"]}}
# Properties of callbacks, in every member that an answer shows.
CUT = {
    "system.replica_joined": {"replica_id": "r\ud83d"},
    "system.shutdown": {"shutdown_reason": "\ud83d"},
    "application.perception_analysis": {"analysis": "# \ud83d"},
    "application.recording_ready": {"s3_key": "tavus/c1/1795168800000\ud83d"},
    "application.post_call_action_executed": {
        "tool_id": "\ud83d",
        "request": {"body": r'{"\ud83d": 1}'},
    },
    "conversation.tool_call": {"name": "\ud83d", "arguments": r'{"\ud83d": "\ude00"}'},
    "conversation.objective.completed": {
        "objective_name": "\ud83d",
        "output_variables": {"\ud83d": "\ude00"},
    },
    "conversation.guardrail.triggered": {"guardrail_name": "\ud83d", "reason": "\ude00"},
    "canvas.interaction": {"interaction_id": "\ud83d", "component": {"\ude00": "\ud83d"}},
    "application.transcription_ready": {
        "transcript": [{"role": "user", "content": "hi \ud83d", "\ude00": 1}]
    },
}
READ_PATHS = (
    "/conversations",
    "/conversations/c1",
    "/conversations/c1/events",
    "/conversations/c1/transcript",
    "/conversations/c1/recordings",
    "/events",
    "/stats",
    "/subjects",
    "/videos",
    "/videos/v1",
)


def test_no_answer_holds_half_a_surrogate_pair(api):
    """Every answer is UTF-8 for strict readers, and halves in values and names are U+FFFD."""
    for event_type, properties in CUT.items():
        envelope = {"conversation_id": "c1", "event_type": event_type, "properties": properties | HALVES}
        api.post(envelope | HALVES)
    api.post({"video_id": "v1", "status": "error", "status_details": "\ud83d", **HALVES})
    project_all(api)

    answers = {path: api.get(path) for path in READ_PATHS}

    assert dict.fromkeys(READ_PATHS, 200) == {path: answer.status for path, answer in answers.items()}
    texts = {path: json.dumps(from_json(answer.body), ensure_ascii=False) for path, answer in answers.items()}
    assert all(text.encode() for text in texts.values())
    whole = (
        "/conversations/c1",
        "/conversations/c1/events",
        "/conversations/c1/transcript",
        "/events",
        "/videos/v1",
    )
    assert all("\ufffd" in texts[path] for path in whole)


def test_a_kept_body_keeps_half_a_surrogate_pair(api):
    """`/events/{id}/body` returns the body as it was sent."""
    raw = b'{"conversation_id":"c1","event_type":"x","x":"\\ud83d"}'

    event_id = api.post(raw).value["event_id"]

    assert raw == api.get(f"/events/{event_id}/body").body


def test_large_answers_of_every_form_are_gzip_where_that_is_accepted(api):
    """JSON, text and stored bytes are the same after inflating, and `vary` names the header that decides."""
    turns = [{"role": "user", "content": f"{number} Да, конечно."} for number in range(900)]
    transcript = said("application.transcription_ready", transcript=turns)
    post(api, transcript)
    refused = api.post(b"\xff" * 20_000, content_type="application/octet-stream").value["quarantine_id"]
    [event] = api.pull()
    paths = (
        "/conversations/c1/events",
        "/conversations/c1/transcript",
        "/conversations/c1/transcript?format=text",
        f"/events/{event['event_id']}/body",
        "/openapi.json",
        f"/quarantine/{refused}/body",
    )
    for path, _, query in (each.partition("?") for each in paths):
        token = api.quarantine_token if path.startswith("/quarantine") else None
        plain, small = (api.get(path, query, token=token, accept=accept) for accept in ("", "br, GZIP;q=0.5"))
        assert ("gzip", None) == tuple(each.headers.get("content-encoding") for each in (small, plain)), path
        assert ["accept-encoding"] * 2 == [each.headers["vary"] for each in (small, plain)]
        assert plain.headers["content-type"] == small.headers["content-type"]
        assert plain.body == gzip.decompress(small.body)
        assert len(small.body) < len(plain.body)


def test_a_view_is_whole_where_gzip_brings_it_below_the_limit(api, monkeypatch):
    """Random text stays too large in either form, so its values are left out or the answer is refused."""
    monkeypatch.setattr(responses, "BODY_LIMIT", 100_000)
    texts = {"c1": "Да" * 40_000, "c2": secrets.token_hex(80_000)}
    for conversation_id, analysis in texts.items():
        body = {"conversation_id": conversation_id, "event_type": "application.perception_analysis"}
        post(api, json.dumps({**body, "properties": {"analysis": analysis}}).encode())
        turn = {"role": "user", "content": analysis}
        body["event_type"] = "application.transcription_ready"
        post(api, json.dumps({**body, "properties": {"transcript": [turn]}}).encode())

    for accept, whole in (("", []), ("gzip", ["c1"])):
        views = {name: api.get(f"/conversations/{name}", accept=accept) for name in texts}
        read = {name: api.get(f"/conversations/{name}/transcript", accept=accept).status for name in texts}
        assert whole == [name for name in texts if perception(views[name])["analysis"] == texts[name]]
        assert {name: 200 if name in whole else 409 for name in texts} == read


def perception(reply):
    """Return the perception analysis of a view."""
    body = gzip.decompress(reply.body) if "content-encoding" in reply.headers else reply.body
    return strict_json(body)["perception"]


def test_gzip_is_what_the_client_prefers():
    """A weight of zero refuses it, and a name for all codings stands for it (RFC 9110, section 12.5.3)."""
    headers = {
        "": False,
        "gzip": True,
        "GZip, deflate, br": True,
        "deflate;q=1, gzip ; Q = 0.001": True,
        "x-gzip": True,
        "*": True,
        "*;q=0.5, identity;q=0": True,
        "gzip;q=0": False,
        "gzip;q=0.000, *": False,
        "*;q=0": False,
        "identity": False,
        "br, deflate": False,
        "identity;q=1, gzip;q=0.5": False,
        "gzip;q=2": False,
        "gzip;q=": False,
        "gzip;q=high": False,
        ";;,,=": False,
    }

    assert headers == {header: responses.accepts_gzip(header) for header in headers}


def test_an_answer_of_16_kb_is_plain_and_a_larger_one_is_gzip():
    """The limit counts bytes, not characters."""
    for body, is_gzip in (
        ("x" * 16_384, False),
        ("x" * 16_385, True),
        ("Д" * 8_192, False),
        ("Д" * 8_193, True),
    ):
        answer = responses.compress({"statusCode": 200, "headers": {}, "body": body}, "gzip")
        assert is_gzip == ("content-encoding" in answer["headers"]) == answer.get("isBase64Encoded", False)
