"""The event of each function and the store's answers to it, made by the project's own code."""

import base64
import json
from dataclasses import dataclass, field
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
# S3's answer to a list of the failed bucket.
_EMPTY_BUCKET = b"<ListBucketResult><KeyCount>0</KeyCount></ListBucketResult>"
_KEY = "tavus/c1/1.mp4"
# Letters and digits, as Secrets Manager generates them for the template.
_PUSH_SECRET = "benchmarks" * 5


@dataclass(frozen=True, slots=True)
class Case:
    """A function's event, and the store's answers by operation."""

    event: bytes
    answers: dict[str, Any]


def token_answer(scope: Scope = "callback") -> dict[str, Any]:
    """Return GetItem's answer for the token, and for the note that all subjects have index entries."""
    record = {"token_digest": digest_token(TOKEN), "label": "bench", "scope": scope}
    item = {name: {"S": value} for name, value in record.items()}
    times = {"created_at": {"S": "2026-01-01T00:00:00.000000Z"}, "since": {"S": "0"}}
    return {"GetItem": {"Item": item | times}}


def body(number: int, size: int) -> bytes:
    """Return the body of a callback; each number is another conversation."""
    return json.dumps(transcript(f"c{number:015x}", size)).encode()


def callback(number: int, size: int = _USUAL) -> bytes:
    """Return the event of a callback."""
    path, headers = f"/callbacks/{TOKEN}", ((b"content-type", b"application/json"),)
    request = Request("POST", path.encode(), b"user=4711", headers, body(number, size))
    route = Route("POST", "/callbacks/{token}", "ReceiveFunction")
    return bytes(encode_event(make_event(request, route, {"token": TOKEN})))


def cases() -> dict[str, Case]:
    """Return the case of every function, by the name of its module."""
    rows = [
        _event_row(kind)
        for kind in ("system.replica_joined", "system.shutdown", "application.recording_ready")
    ]
    key = {"GetSecretValue": {"SecretString": make_private_key()}}
    return {
        "receive": Case(callback(1), token_answer()),
        "read": Case(_read(), {**token_answer("read"), "Query": {"Items": [wire(row) for row in rows]}}),
        "project": Case(_stream(rows[1]), {"Query": {"Items": []}}),
        "drain": Case(_spilled(), {}),
        "resolve": Case(_stream(rows[2]), {"UpdateItem": {"Attributes": recording_row(_KEY)}}),
        "signing_key": Case(_custom(), key),
        "push": Case(_queued(), {"GetSecretValue": {"SecretString": _PUSH_SECRET}}),
        "watch": Case(b"{}", {"Query": {"Items": []}, "": _EMPTY_BUCKET}),
    }


def _read() -> bytes:
    headers = ((b"authorization", f"Bearer {TOKEN}".encode()),)
    request = Request("GET", b"/conversations/c1", b"", headers)
    route = Route("GET", "/conversations/{conversation_id}", "ReadFunction")
    return bytes(encode_event(make_event(request, route, {"conversation_id": "c1"})))


def _event_row(event_type: str) -> dict[str, Any]:
    """Return the row of a callback in boto3's form."""
    sent = transcript("c1", 300) | {"event_type": event_type}
    sent["properties"] = {
        "replica_id": "r1",
        "shutdown_reason": "participant_left",
        "s3_key": _KEY,
    }
    event = parse_event(json.dumps(sent).encode(), query="user=4711", label="bench", received_at=_NOW)
    table, writes = catching_table()
    table.keep(event, kept_at=_NOW)
    return writes.items[0]


@dataclass(frozen=True, slots=True)
class Writes:
    """The items and objects that were written, as boto3's clients take them."""

    items: list[dict[str, Any]] = field(default_factory=list)
    objects: list[bytes] = field(default_factory=list)


def catching_table() -> tuple[EventsTable, Writes]:
    """Return an events table that finds nothing, and its writes."""
    writes = Writes()

    def put_item(*, Item: dict[str, Any], **_: Any) -> dict[str, Any]:  # noqa: N803 - boto3's name
        writes.items.append(Item)
        return {}

    def put_object(*, Body: bytes, **_: Any) -> None:  # noqa: N803 - boto3's name
        writes.objects.append(Body)

    methods = {"put_item": put_item, "put_object": put_object, "get_item": lambda **_: {}}
    client = cast("Any", SimpleNamespace(**methods))
    return EventsTable(client, "events", Bodies("bodies", lambda: client), None), writes


def recording_row(key: str) -> dict[str, Any]:
    """Return the row of a recording of conversation c1 after its callback and its object were noted."""
    row: dict[str, Any] = {}

    def update_item(ExpressionAttributeValues: dict[str, Any], **_: object) -> dict[str, Any]:  # noqa: N803 - boto3's name
        row.update({name.removeprefix(":"): value for name, value in ExpressionAttributeValues.items()})
        return {"Attributes": row}

    client = cast("Any", SimpleNamespace(update_item=update_item))
    table = RecordingRows(client, "events", bucket="recordings")
    claim = read_claim(
        "application.recording_ready", "c1", {"properties": {"s3_key": key}}, bucket="b", ref="1"
    )
    table.put_claim("c1", claim, ref="1", claimed_at=_NOW)
    stored = StoredObject(key, 1, "video/mp4", "1", None, _NOW)
    table.put_look("c1", claim.recording_id, stored, looked_at=_NOW)
    return row


def wire(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row as DynamoDB sends it: bytes in base64."""
    return {
        name: {"B": base64.b64encode(value["B"]).decode()} if "B" in value else value
        for name, value in row.items()
    }


def _stream(row: dict[str, Any]) -> bytes:
    image = {"NewImage": wire(row), "SequenceNumber": "1", "StreamViewType": "NEW_IMAGE"}
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
    """Return the event of a push that the rule of the bus has put into the queue."""
    sent = transcript("c1", _USUAL) | {"event_type": "system.shutdown"}
    event = parse_event(json.dumps(sent).encode(), query="user=4711", label="bench", received_at=_NOW)
    table, writes = catching_table()
    table.keep(event, kept_at=_NOW)
    push = callback_push(StoredEvent.from_row(read_item(writes.items[0])), event.text.encode())
    attributes = {"ApproximateReceiveCount": "1", "SentTimestamp": "1795168800000"}
    message = json.dumps({"detail": json.loads(push.detail())})
    record = {"messageId": "1", "receiptHandle": "1", "body": message, "eventSource": "aws:sqs"}
    return json.dumps({"Records": [record | {"attributes": attributes}]}).encode()


def _custom() -> bytes:
    event = {"RequestType": "Create", "ResponseURL": "{store}/answer", "StackId": "1", "RequestId": "1"}
    return json.dumps(
        event | {"LogicalResourceId": "Key", "ResourceProperties": {"SecretArn": "secret"}}
    ).encode()
