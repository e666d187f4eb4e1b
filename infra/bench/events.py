"""What each function is invoked with, and what the store answers it: made by the project's own code."""

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

from bench.bodies import KILOBYTE, transcript
from tavus_callbacks.aws.items import read_item
from tavus_callbacks.aws.signing_key import make_private_key
from tavus_callbacks.aws.spill import Spill, SpilledCallback
from tavus_callbacks.aws.stores.bodies import Bodies
from tavus_callbacks.aws.stores.events import EventsTable
from tavus_callbacks.aws.stores.recordings import RecordingRows
from tavus_callbacks.aws.stores.recordings_bucket import StoredObject
from tavus_callbacks.domain.callbacks.intake import parse_event
from tavus_callbacks.domain.common.compression import pack
from tavus_callbacks.domain.common.token import Scope, digest_token, new_token
from tavus_callbacks.domain.events.stored_event import StoredEvent
from tavus_callbacks.domain.pushes.push import callback_push
from tavus_callbacks.domain.recordings.claim import read_claim
from tavus_callbacks_cli.local_stack.http.payload import Request, encode_event, make_event
from tavus_callbacks_cli.local_stack.http.routes import Route

TOKEN = new_token()
_NOW = datetime(2026, 11, 20, 10, 0, 1, tzinfo=UTC)
_USUAL = 2 * KILOBYTE
_KEY = "tavus/c1/1.mp4"
# As Secrets Manager makes one by the template: letters and digits.
_PUSH_SECRET = "benchmarks" * 5


@dataclass(frozen=True, slots=True)
class Case:
    """One function's event, and the store's answers by the name of an operation."""

    event: bytes
    answers: dict[str, Any]


def token_answer(scope: Scope = "callback") -> dict[str, Any]:
    """Return what GetItem says of the token."""
    record = {"token_digest": digest_token(TOKEN), "label": "bench", "scope": scope}
    item = {name: {"S": value} for name, value in record.items()}
    return {"GetItem": {"Item": {**item, "created_at": {"S": "2026-01-01T00:00:00.000000Z"}}}}


def body(number: int, size: int) -> bytes:
    """Make the body of a callback; each number is another conversation."""
    return json.dumps(transcript(f"c{number:015x}", size)).encode()


def callback(number: int, size: int = _USUAL) -> bytes:
    """Make the event of a callback."""
    path, headers = f"/callbacks/{TOKEN}", ((b"content-type", b"application/json"),)
    request = Request("POST", path.encode(), b"user=4711", headers, body(number, size))
    route = Route("POST", "/callbacks/{token}", "ReceiveFunction")
    return bytes(encode_event(make_event(request, route, {"token": TOKEN})))


def cases() -> dict[str, Case]:
    """Return the case of every function, by the name of its module."""
    kept = [
        _kept(kind) for kind in ("system.replica_joined", "system.shutdown", "application.recording_ready")
    ]
    key = {"GetSecretValue": {"SecretString": make_private_key()}}
    return {
        "receive": Case(callback(1), token_answer()),
        "read": Case(_read(), {**token_answer("read"), "Query": {"Items": [_wire(row) for row in kept]}}),
        "project": Case(_stream(kept[1]), {}),
        "drain": Case(_spilled(), {}),
        "resolve": Case(_stream(kept[2]), {"UpdateItem": {"Attributes": _noted()}}),
        "signing_key": Case(_custom(), key),
        "push": Case(_queued(), {"GetSecretValue": {"SecretString": _PUSH_SECRET}}),
        "watch": Case(b"{}", {"Query": {"Items": []}}),
    }


def _read() -> bytes:
    headers = ((b"authorization", f"Bearer {TOKEN}".encode()),)
    request = Request("GET", b"/conversations/c1", b"", headers)
    route = Route("GET", "/conversations/{conversation_id}", "ReadFunction")
    return bytes(encode_event(make_event(request, route, {"conversation_id": "c1"})))


def _kept(event_type: str) -> dict[str, Any]:
    """Return the row of a callback, as DynamoDB's client takes it."""
    sent = transcript("c1", 300) | {"event_type": event_type}
    sent["properties"] = {
        "replica_id": "r1",
        "shutdown_reason": "participant_left",
        "s3_key": _KEY,
    }
    event = parse_event(json.dumps(sent).encode(), query="user=4711", label="bench", received_at=_NOW)
    table, put = catching_table()
    table.keep(event, kept_at=_NOW)
    return put[0]


def catching_table() -> tuple[EventsTable, list[dict[str, Any]]]:
    """Return an events table that finds nothing, and the items that are put into it."""
    put: list[dict[str, Any]] = []
    answers = {"put_item": lambda Item, **_: put.append(Item), "get_item": lambda **_: {}}  # noqa: N803 - boto3's name
    client = cast("Any", SimpleNamespace(**answers))
    return EventsTable(client, "events", Bodies("bodies"), None), put


def _noted() -> dict[str, Any]:
    """Return what a recording's row holds once its callback and its object are noted."""
    noted: dict[str, Any] = {}

    def update_item(ExpressionAttributeValues: dict[str, Any], **_: object) -> dict[str, Any]:  # noqa: N803 - boto3's name
        noted.update({name.removeprefix(":"): value for name, value in ExpressionAttributeValues.items()})
        return {"Attributes": noted}

    client = cast("Any", SimpleNamespace(update_item=update_item))
    table = RecordingRows(client, "events", bucket="recordings")
    claim = read_claim(
        "application.recording_ready", "c1", {"properties": {"s3_key": _KEY}}, bucket="b", ref="1"
    )
    table.put_claim("c1", claim, ref="1", claimed_at=_NOW)
    found = StoredObject(_KEY, 1, "video/mp4", "1", None, _NOW)
    table.put_look("c1", claim.recording_id, found, looked_at=_NOW)
    return noted


def _wire(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: {"B": base64.b64encode(value["B"]).decode()} if "B" in value else value
        for name, value in row.items()
    }


def _stream(row: dict[str, Any]) -> bytes:
    image = {"NewImage": _wire(row), "SequenceNumber": "1", "StreamViewType": "NEW_IMAGE"}
    arn = "arn:aws:dynamodb:us-east-1:123456789012:table/events/stream/2026-11-20T00:00:00.000"
    record = {"eventID": "1", "eventName": "INSERT", "eventSource": "aws:dynamodb", "eventSourceARN": arn}
    return json.dumps({"Records": [record | {"dynamodb": image}]}).encode()


def _spilled() -> bytes:
    sent: list[str] = []
    client = cast("Any", SimpleNamespace(send_message=lambda MessageBody, **_: sent.append(MessageBody)))  # noqa: N803 - boto3's name
    spilled = SpilledCallback(pack(body(1, _USUAL)), "user=4711", "bench", _NOW)
    Spill(client, "queue", Bodies("bodies")).send(spilled)
    record = {"messageId": "1", "receiptHandle": "1", "body": sent[0], "eventSource": "aws:sqs"}
    return json.dumps({"Records": [record]}).encode()


def _queued() -> bytes:
    """Return the message of a push, as the rule of the bus puts it into the queue."""
    sent = transcript("c1", _USUAL) | {"event_type": "system.shutdown"}
    event = parse_event(json.dumps(sent).encode(), query="user=4711", label="bench", received_at=_NOW)
    table, put = catching_table()
    table.keep(event, kept_at=_NOW)
    push = callback_push(StoredEvent.from_row(read_item(put[0])), event.text.encode())
    attributes = {"ApproximateReceiveCount": "1", "SentTimestamp": "1795168800000"}
    message = json.dumps({"detail": json.loads(push.detail())})
    record = {"messageId": "1", "receiptHandle": "1", "body": message, "eventSource": "aws:sqs"}
    return json.dumps({"Records": [record | {"attributes": attributes}]}).encode()


def _custom() -> bytes:
    event = {"RequestType": "Create", "ResponseURL": "{store}/answer", "StackId": "1", "RequestId": "1"}
    return json.dumps(
        event | {"LogicalResourceId": "Key", "ResourceProperties": {"SecretArn": "secret"}}
    ).encode()
