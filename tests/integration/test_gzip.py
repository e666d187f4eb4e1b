"""Compressed bodies: kept in quarantine with their header, and filed by `quarantine redrive`."""

import gzip
import json
from datetime import UTC, datetime

import pytest
from inprocess import failing
from projecting import store

from tavus_callbacks.aws import clients
from tavus_callbacks.domain.callbacks.intake import parse_event
from tavus_callbacks.domain.common.compression import LONGEST
from tavus_callbacks.handlers import drain
from tavus_callbacks_cli.local_stack.http.payload import Request
from tavus_callbacks_cli.operations import quarantine

START = datetime(2026, 7, 11, 7, 0, tzinfo=UTC)
SHUTDOWN = {
    "conversation_id": "c1",
    "event_type": "system.shutdown",
    "timestamp": "2026-07-11T06:48:37.564961Z",
    "properties": {"said": "Jörg \U0001f600"},
}
PLAIN = json.dumps(SHUTDOWN, ensure_ascii=False).encode()
GZIP = (b"Content-Encoding", b"gzip")


def post(api, body, *headers, query=""):
    """Post a body of JSON's type with these headers."""
    sent = ((b"content-type", b"application/json"), *headers)
    path = f"/callbacks/{api.token}".encode()
    return api.send(Request("POST", path, query.encode(), sent, body), START.timestamp())


def redrive(api, *, dry_run=False):
    """Redrive the one entry of quarantine."""
    [entry] = quarantine.list_entries(store(api))
    return quarantine.redrive(store(api), entry, None, dry_run=dry_run)


def bomb(size):
    """Write JSON of so many bytes that gzip makes small."""
    text = json.dumps({**SHUTDOWN, "x": ""}).encode()
    return text[:-2] + b"0" * (size - len(text)) + text[-2:]


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "GZIP"])
def test_a_gzip_body_is_in_quarantine_with_its_header(api, coding):
    """The answer says that it is compressed and what reads it; the header stands beside the body."""
    reply = post(api, gzip.compress(PLAIN), (b"Content-Encoding", coding.encode()))

    [entry] = api.quarantine()
    assert (400, entry["quarantine_id"]) == (reply.status, reply.value["quarantine_id"])
    assert coding == entry["content_encoding"]
    assert "compressed with gzip" in entry["detail"] == reply.value["detail"]
    assert "quarantine redrive" in entry["detail"]


@pytest.mark.parametrize("query", ["", "user=4711"])
@pytest.mark.parametrize("headers", [(GZIP,), ()], ids=["with the header", "kept before it was"])
def test_a_redriven_gzip_body_is_the_event_that_the_plain_body_is(api, headers, query):
    """Same event id, same text, same time of receipt and tags; the entry is gone."""
    post(api, gzip.compress(PLAIN), *headers, query=query)
    expected = parse_event(PLAIN, query=query, label="test", received_at=START)

    tried, outcome = redrive(api, dry_run=True), redrive(api)

    [event] = api.events("c1")
    assert ("fileable", event["event_id"]) == (tried.outcome, tried.event_id)
    assert ("filed", event["event_id"]) == (outcome.outcome, outcome.event_id)
    assert (expected.event_id, "2026-07-11T07:00:00.000000Z", expected.tags) == (
        event["event_id"],
        event["received_at"],
        event["tags"],
    )
    assert PLAIN == api.get(f"/events/{event['event_id']}/body").body
    assert [] == api.quarantine()


def test_a_gzip_body_of_two_members_is_redriven(api):
    """Some writers begin a new member when they flush; together they are one body."""
    post(api, gzip.compress(PLAIN[:50]) + gzip.compress(PLAIN[50:]), GZIP)

    outcome = redrive(api)

    assert "filed" == outcome.outcome
    assert PLAIN == api.get(f"/events/{outcome.event_id}/body").body


@pytest.mark.parametrize("broken", [False, True], ids=["whole", "cut off"])
def test_a_token_in_a_gzip_body_is_nowhere(api, broken):
    """Tavus repeats the URL in each body: neither the entry nor the event holds the token."""
    url = f"https://example.com/callbacks/{api.token}?secret=1&user=4711"
    body = json.dumps({**SHUTDOWN, "webhook_url": url, "noise": list(range(3000))}).encode()
    expected = parse_event(body, query="user=4711", label="test", received_at=START)
    packed = gzip.compress(body)

    post(api, packed[:-500] if broken else packed, GZIP, query="user=4711")
    kept = list(api.everything_kept())
    outcome = redrive(api)

    assert ("refused" if broken else "filed") == outcome.outcome
    if not broken:
        assert expected.event_id == outcome.event_id
        assert expected.text.encode() == api.get(f"/events/{outcome.event_id}/body").body
    said = [*kept, *api.everything_kept(), *(gzip.decompress(one) for one in kept if one[:2] == b"\x1f\x8b")]
    assert not [one for one in said if api.token.encode() in one or b"secret=1" in one]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (gzip.compress(PLAIN)[:-20], "is incomplete"),
        (gzip.compress(PLAIN) + gzip.compress(PLAIN), "is not JSON"),
        (gzip.compress(bomb(LONGEST + 1)), "larger than 6 MiB"),
        (gzip.compress(b"nope"), "is not JSON"),
        (gzip.compress(gzip.compress(PLAIN)), "holds another gzip body"),
    ],
    # Not the bytes: gzip writes the time into them, and workers of one run would name tests differently.
    ids=["cut off", "two bodies", "bomb", "no JSON", "gzip in gzip"],
)
def test_a_gzip_body_that_cannot_be_read_stays_with_a_reason(api, body, reason):
    """Whatever the reason, nothing is filed, and the body is there for a later version."""
    post(api, body, GZIP)

    outcome = redrive(api)

    assert ("refused", None) == (outcome.outcome, outcome.event_id)
    assert reason in outcome.reason
    assert body in api.everything_kept()
    assert 1 == len(api.quarantine())
    assert [] == api.pull()


def test_a_bomb_that_was_kept_inflated_is_refused_too(api):
    """A body that is kept without its token has the same limit: the rest of a larger one is cut off."""
    body = bomb(LONGEST).replace(b"c1", f"c1 {api.token}".encode())
    post(api, gzip.compress(body), GZIP)

    outcome = redrive(api)

    assert "refused" == outcome.outcome
    assert "is not JSON" in outcome.reason


def test_plain_json_with_the_header_is_filed_as_always(api):
    """The bytes decide: a sender, or a proxy, may say gzip and send JSON."""
    reply = post(api, PLAIN, GZIP)

    assert (200, "stored") == (reply.status, reply.value["status"])
    assert [] == api.quarantine()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"nope", "The body is not JSON: Expecting value at line 1, column 1."),
        (b"{}", "The body has no subject. "),
    ],
)
def test_plain_garbage_with_the_header_is_refused_as_always(api, body, expected):
    """A body that is not gzip has the same reason as without the header, and the header is stored."""
    reply = post(api, body, GZIP)

    assert reply.value["detail"].startswith(expected)
    assert "gzip" not in reply.value["detail"]
    assert ["gzip"] == [entry["content_encoding"] for entry in api.quarantine()]


def test_another_coding_is_kept_and_its_reason_names_it(api):
    """Brotli is not read, and nothing says that it will be."""
    reply = post(api, b"\x8b\x03\x80abc\x03", (b"content-encoding", b"br"))

    [entry] = api.quarantine()
    assert "br" == entry["content_encoding"]
    assert "Content-Encoding: br." in reply.value["detail"]
    assert "supports gzip only" in redrive(api).reason


def test_a_header_that_is_no_coding_is_harmless(api):
    """It is cut, and a token that somebody pasted there is kept nowhere."""
    reply = post(api, b"\xff", (b"content-encoding", f"{api.token} {'x' * 3000}".encode()))

    [entry] = api.quarantine()
    assert ("-REDACTED- xxx", 100) == (entry["content_encoding"][:14], len(entry["content_encoding"]))
    said = [*api.everything_kept(), reply.body, api.log.getvalue().encode()]
    assert not [one for one in said if api.token.encode() in one]


def test_a_spilled_gzip_body_keeps_its_header(api, monkeypatch):
    """While the table is down it waits in the queue, and is the same entry once it is drained."""
    queue = clients.sqs(quick=True).create_queue(QueueName="spill")["QueueUrl"]
    monkeypatch.setenv("SPILL_QUEUE_URL", queue)
    with failing("dynamodb", "UpdateItem", error="AccessDeniedException"):
        reply = post(api, gzip.compress(PLAIN), GZIP)
    assert [] == api.quarantine()

    [message] = clients.sqs().receive_message(QueueUrl=queue)["Messages"]
    record = {"messageId": "1", "body": message["Body"], "eventSource": "aws:sqs"}
    assert {"batchItemFailures": []} == drain.handler({"Records": [record]}, None)

    [entry] = api.quarantine()
    assert (reply.value["quarantine_id"], "gzip") == (entry["quarantine_id"], entry["content_encoding"])
    assert "filed" == redrive(api).outcome
    assert 1 == len(api.events("c1"))
