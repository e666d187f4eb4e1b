"""Canaries: a token and a sentence of a transcript, looked for wherever they must not be."""

import base64
import gzip
import json
from datetime import UTC, datetime
from types import SimpleNamespace
from urllib.parse import quote

import pytest

from encodings_of_tokens import FOUND
from tavus_callbacks.aws.spill import Spill, Spilled, read
from tavus_callbacks.domain.event import understand
from tavus_callbacks.domain.tags import kept_query
from tavus_callbacks.domain.token import find_tokens

TOKENS = ("token", "read_token", "quarantine_token")
SENTENCE = "my canary sings at midnight"


def with_token(token):
    """Write callbacks and garbage that carry a token in every way that is known."""
    url = f"https://api.example.com/callbacks/{token}?t={token}&user=4711"
    escaped = "".join(f"\\u{ord(one):04x}" for one in token)
    event = {"conversation_id": "c1", "event_type": "application.transcription_ready", "webhook_url": url}
    turns = [{"role": "user", "content": SENTENCE, token: token}, {"role": token, "content": [token]}]
    transcript = event | {"properties": {"transcript": turns, "callback_url": url}}
    large = transcript | {"noise": [str(number * number * 7919) for number in range(6000)]}
    return {
        "event": json.dumps(transcript),
        "large event": json.dumps(large),
        "escaped": json.dumps(transcript).replace(token, escaped),
        "timed": json.dumps(transcript | {"timestamp": "2026-07-11T06:48:37Z"}),
        "variant": json.dumps(transcript | {"timestamp": "2026-07-11T06:48:37Z", "x": token}),
        "subject": json.dumps(event | {"conversation_id": token}),
        "event type": json.dumps(event | {"event_type": token}),
        "in text": json.dumps(event | {"x": json.dumps({"webhook_url": url})}),
        "replica": json.dumps({"replica_id": "r1", "status": token, "callback_url": url}),
        "key as subject": json.dumps({token: SENTENCE, "webhook_url": url}),
        "array": json.dumps([transcript]),
        "cut": json.dumps(transcript)[:-1],
        "large and cut": json.dumps(large)[:-1],
        "doubled id": f'{{"conversation_id":"{token}","event_type":"x","conversation_id":"b"}}',
        "form": f"webhook_url={url}&said={SENTENCE}",
        "token alone": token,
        "token and no text": f"\udcff\udc80{token}\udcfe{SENTENCE}",
    }


@pytest.mark.parametrize("canary", TOKENS)
def test_a_token_is_nowhere_but_at_its_sender(api, canary, caplog):
    """No item, object, key, log line or answer holds the token that it came by, or any other of ours."""
    token, answers = getattr(api, canary), []
    for body in with_token(token).values():
        raw = body.encode("utf-8", "surrogateescape")
        query = f"t={token}&user=4711"
        answers += [api.post(raw, query=query), api.post(raw, query=query, content_type="text/plain")]
    answers += [api.post(b"x", token=token + "0"), api.get("/events", f"cursor={token}")]
    answers += [api.get("/events"), api.get("/quarantine", token=api.quarantine_token)]
    answers += [api.get(f"/conversations/{token}/events"), api.get(f"/events/{token}/body")]
    names = [event.get("variant_id", event["event_id"]) for event in api.pull()]
    answers += [api.get(f"/events/{name}/body") for name in names]

    said = [*api.everything_kept(), api.log.getvalue().encode(), *(answer.body for answer in answers)]
    said += [caplog.text.encode(), repr(caplog.records).encode()]
    said += [repr(answer.headers).encode() for answer in answers]

    needles = [token.encode(), base64.b64encode(token.encode())[:32]]
    assert not [text for text in said for needle in needles if needle in text]
    assert all(answer.status < 500 for answer in answers)
    assert len(names) >= 8
    assert len(api.quarantine()) >= 6


def test_what_was_said_is_in_no_log_line(api, monkeypatch, caplog):
    """A log is no place for a transcript, whatever goes well or wrong with it."""
    for body in with_token(api.token).values():
        api.post(body.encode("utf-8", "surrogateescape"))
    from tavus_callbacks.domain import event

    def stumble(document):
        raise ValueError(document)

    monkeypatch.setattr(event, "classify", stumble)
    api.post({"conversation_id": "c2", "event_type": "system.shutdown", "properties": {"x": SENTENCE}})
    api.pull()
    api.quarantine()

    assert any(SENTENCE.encode() in kept for kept in api.everything_kept())
    assert SENTENCE not in api.log.getvalue()
    assert "canary" not in api.log.getvalue() + caplog.text


def test_of_the_echoed_url_only_tags_are_kept(api):
    """A secret in the callback URL's query is in no kept body; the tags are."""
    url = "https://example.com/hook?secret=s3cr3t&user=4711"
    raw = json.dumps({"conversation_id": "c1", "event_type": "system.shutdown", "webhook_url": url}).encode()

    reply = api.post(raw, query="user=4711&secret=other")

    assert raw.replace(b"secret=s3cr3t&", b"") == api.get(f"/events/{reply.value['event_id']}/body").body
    assert not [kept for kept in api.everything_kept() if b"s3cr3t" in kept]


@pytest.mark.parametrize("row", FOUND)
def test_an_encoded_token_is_in_no_event_or_entry(api, row):
    """As id, event type, tag and text, filed, quarantined or compressed."""
    for number, written in enumerate(FOUND[row]):
        body = f'{{"conversation_id": "c{number}{written}", "event_type": "x.{written}", "a": "{written}"}}'
        for sent in (body, body[:-1], gzip.compress(body.encode()), body.encode("utf-16")):
            raw = sent if isinstance(sent, bytes) else sent.encode()
            api.post(raw, query=f"t={quote(written)}&{quote(written)}=1&user={number}")
    names = [event["event_id"] for event in api.pull()]

    kept = [*api.everything_kept(), api.log.getvalue().encode(), *map(str.encode, names)]

    assert len(FOUND[row]) == len(names)
    assert all("-REDACTED-" in name for name in names)
    assert not [text for text in kept for written in FOUND[row] if written.encode() in text]
    assert not [text for text in kept if find_tokens(text.decode("latin-1").replace("\0", ""))]


@pytest.mark.parametrize("row", FOUND)
def test_an_encoded_token_is_in_no_spilled_message(row):
    """A callback that waits for the store is redacted before it is sent to the queue."""
    sent = []
    client = SimpleNamespace(send_message=lambda **message: sent.append(message["MessageBody"]))
    for written in FOUND[row]:
        raw = f'{{"conversation_id": "c{written}", "event_type": "x", "a": "{written}"}}'.encode()
        query, moment = f"t={quote(written)}&user=1", datetime(2026, 7, 11, tzinfo=UTC)
        event = understand(raw, query=query, label="l", received_at=moment)
        Spill(client, "queue", None).put(Spilled(event.packed, kept_query(query), "l", moment))

    callbacks = [read(message, None) for message in sent]

    assert len(FOUND[row]) == len(callbacks)
    assert all(b'"a": "-REDACTED-"' in callback.raw for callback in callbacks)
    assert not any(find_tokens(callback.raw.decode() + callback.query) for callback in callbacks)
