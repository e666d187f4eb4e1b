"""Canaries: a token, a sentence of a transcript and an erased id, looked for wherever they must not be."""

import base64
import gzip
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import quote

import pytest
from planting import CANARY, World, world_of
from projecting import project_all, records

from encodings_of_tokens import FOUND
from tavus_callbacks.aws import clients
from tavus_callbacks.aws.spill import Spill, SpilledCallback, read_message
from tavus_callbacks.aws.stores.repair_attempts import AttemptRows
from tavus_callbacks.domain.callbacks.intake import parse_event
from tavus_callbacks.domain.common.tags import tag_query
from tavus_callbacks.domain.common.timestamps import now
from tavus_callbacks.domain.common.token import find_tokens

ROOT = Path(__file__).parents[2]
ERASURE = (ROOT / "docs" / "erasure.md").read_text()
FORGOTTEN = "cforgotten4712"

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
    """A log never contains a transcript, whatever goes well or wrong with it."""
    for body in with_token(api.token).values():
        api.post(body.encode("utf-8", "surrogateescape"))
    from tavus_callbacks.domain.callbacks import intake

    def stumble(document):
        raise ValueError(document)

    monkeypatch.setattr(intake, "classify", stumble)
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


@pytest.mark.slow
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
        event = parse_event(raw, query=query, label="l", received_at=moment)
        Spill(client, "queue", None).send(SpilledCallback(event.packed, tag_query(query), "l", moment))

    callbacks = [read_message(message, None) for message in sent]

    assert len(FOUND[row]) == len(callbacks)
    assert all(b'"a": "-REDACTED-"' in callback.raw for callback in callbacks)
    assert not any(find_tokens(callback.raw.decode() + callback.query) for callback in callbacks)


@dataclass(frozen=True)
class Place:
    """A place where personal data rests: how `World.contents` names it, and what puts something there."""

    where: str
    plant: Callable[[World], object]


def events(world):
    """File events, a variant and a large body."""
    world.kept(FORGOTTEN)


def summary(world):
    """File events, and let the stream sum them up and push them."""
    world.kept(FORGOTTEN)
    assert [] == project_all(world.api)


def object_came(world):
    """Upload an object that no callback has announced."""
    key = f"tavus/{FORGOTTEN}/7"
    world.recordings.put(key, CANARY.encode())
    world.recordings.tell(key)


def reading(world):
    """Ask Tavus about the conversation."""
    table = world.api.environment["EVENTS_TABLE"]
    AttemptRows(clients.dynamodb(), table, None).note(FORGOTTEN, at=now(), outcome="unknown")


def quarantined(world):
    """Post a small and a large body that cannot be filed."""
    world.quarantined(FORGOTTEN)


def spilled(world):
    """Post while the table is down."""
    world.spilled(FORGOTTEN, is_large=True)


def drained(world):
    """Leave the body of a spilled callback whose message is gone."""
    world.spilled(FORGOTTEN, is_large=True)
    world.sqs.purge_queue(QueueUrl=world.outputs["SpillQueueUrl"])


def dead_push(world):
    """Leave a push in the dead queue."""
    summary(world)
    for message in world.messages("PushQueueUrl"):
        world.sqs.send_message(QueueUrl=world.outputs["PushDeadQueueUrl"], MessageBody=message)
    world.sqs.purge_queue(QueueUrl=world.outputs["PushQueueUrl"])


def failed(world):
    """Leave failed records of the stream, of a bucket's event and of a push."""
    summary(world)
    world.failed(FORGOTTEN)


def recorded(world):
    """Write recordings in several versions, one deleted, one half uploaded, and claim some of them."""
    world.recorded(FORGOTTEN)


def contested(world):
    """Claim a key that lies outside of all folders."""
    world.recordings.say(FORGOTTEN, bucket_name=world.recordings.bucket, s3_key="calls/7.mp4")


# By the name that docs/erasure.md gives them.
PLACES = {
    "events table: events": Place("eventstable event", events),
    "events table: variants": Place("eventstable variant", events),
    "events table: summaries": Place("eventstable summary", summary),
    "events table: index entries": Place("eventstable entry", summary),
    "events table: recordings": Place("eventstable recording", recorded),
    "events table: claims": Place("eventstable claim", contested),
    "events table: uploaded objects": Place("eventstable object_came", object_came),
    "events table: repair attempts": Place("eventstable reading", reading),
    "events table: quarantine": Place("eventstable quarantine", quarantined),
    "index: `receipts`": Place("eventstable index receipts", events),
    "index: `listing`": Place("eventstable index listing", summary),
    "bodies bucket: `events/`": Place("bodiesbucket events/", events),
    "bodies bucket: `quarantine/`": Place("bodiesbucket quarantine/", quarantined),
    "bodies bucket: `spill/`": Place("bodiesbucket spill/", drained),
    "spill queue: messages": Place("spillqueue", spilled),
    "spill queue: dead letters": Place("spilldeadqueue", spilled),
    "push queue: messages": Place("pushqueue", summary),
    "push queue: dead letters": Place("pushdeadqueue", dead_push),
    "failed bucket": Place("failedbucket ", failed),
    "recordings bucket": Place("recordingsbucket ", recorded),
}
# Places that this process does not have, and the tests of what becomes of them.
ELSEWHERE = {
    "CloudFront's cache": "integration/test_erase.py::test_what_cloudfront_knows_of_the_folder_is_forgotten",
    "local stack: files": "stack/test_erase_local.py::test_no_file_holds_what_was_erased",
}
# Places beyond reach, and what the receipt calls them.
BEYOND = {
    "point-in-time copies of the events table": "point-in-time copies",
    "stream of the events table": "the events table's stream",
    "retries by AWS": "retries that wait in AWS",
    "logs": "logs",
    "backups and copies in your account": "backups and copies",
    "consumers": "consumers",
    "files that commands wrote": "files that commands wrote",
    "the push `conversation.erased`": "the push conversation.erased",
    "events of other subjects": "events of other subjects",
    "Tavus": "at Tavus",
}
# Holds labels, digests of tokens and times.
IMPERSONAL = {"tokenstable"}


@pytest.fixture
def world(api, recordings, pushing, monkeypatch):
    """Return a stack with every store."""
    with world_of(api, recordings, pushing["signed"], monkeypatch) as made:
        yield made


@pytest.mark.slow
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_nothing_of_an_erased_conversation_is_in_any_store(world, place):
    """Every table, index, bucket and queue is searched, after the erasure and after late events."""
    # The runtime learns that nobody was erased, and takes it for true for a minute.
    world.api.post({"conversation_id": "cother", "event_type": "system.shutdown"})
    place.plant(world)
    late = records(world.api)
    planted = world.holding(CANARY, FORGOTTEN)
    assert [one for one in planted if one.startswith(place.where)]
    assert [] == [one for one in planted if not any(one.startswith(each.where) for each in PLACES.values())]

    erased = world.erase("conversation", FORGOTTEN, "--yes")

    assert 0 == erased.exit_code, erased.output
    assert [] == world.holding(CANARY, FORGOTTEN)
    world.come_late(FORGOTTEN, late)
    assert [] == world.holding(CANARY, FORGOTTEN)


def test_the_document_names_every_place():
    """No place is tested and not documented, nor the other way round; tests of other places exist."""
    assert documented("Erased data") == {*PLACES, *ELSEWHERE}
    assert documented("Receipt") == {*BEYOND}
    for name in ELSEWHERE.values():
        file, test = name.split("::")
        assert f"def {test}(" in (ROOT / "tests" / file).read_text()


def test_every_store_of_the_template_is_a_place(pushing):
    """A new table, bucket or queue is a place, or holds nothing personal."""
    kinds = ("AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::SQS::Queue")
    stores = {one.logical_id.lower() for kind in kinds for one in pushing["signed"].of_type(kind)}

    assert stores - IMPERSONAL == {place.where.split()[0] for place in PLACES.values()}


@pytest.mark.slow
def test_the_receipt_names_every_place_beyond_reach(world):
    """As the document does."""
    beyond = json.loads(world.erase("conversation", FORGOTTEN, "--yes", "--json").stdout)["beyond_reach"]

    assert len(BEYOND) == len(beyond)
    for phrase in BEYOND.values():
        assert [phrase] == [phrase for one in beyond if phrase in one["what"]]


def documented(heading):
    """Return what the first column below a heading of docs/erasure.md names: a place, or parts of a store."""
    section = ERASURE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    cells = re.findall(r"^\| ?([^-].*?) ?\|", section, re.MULTILINE)[1:]
    stores = [cell.partition(": ") for cell in cells]
    return {f"{store}{colon}{part}" for store, colon, parts in stores for part in parts.split(", ")}
