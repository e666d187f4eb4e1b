"""Recordings in this process: objects and callbacks of Tavus, invocations of `resolve`, and calls to AWS."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote, urlsplit

import boto3
from botocore.config import Config
from inprocess import CONTEXT, Api, Reply

from tavus_callbacks.api import conversations
from tavus_callbacks.api import recordings as routes
from tavus_callbacks.aws import clients
from tavus_callbacks.handlers import resolve, signing_key
from tavus_callbacks.logic import find_recording
from tavus_callbacks_cli.local_stack.functions.custom_resources import create_custom_resources
from tavus_callbacks_cli.local_stack.services.deploy import deploy
from tavus_callbacks_cli.local_stack.triggers.streams import Stream, StreamMapping, stream_mappings_of

READY, COPY_FAILED = "application.recording_ready", "application.recording_copy_failed"
SAID_AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Call:
    """A request to AWS as it is sent."""

    operation: str
    host: str
    path: str


@dataclass
class Recordings:
    """A stack with recordings; `ahead` advances the clock of looks."""

    api: Api
    bucket: str
    mapping: StreamMapping
    stream: Any = None
    ahead: timedelta = timedelta()
    calls: list[Call] = field(default_factory=list)
    _moments: Iterator[int] = field(default_factory=count)

    def put(self, key: str, body: bytes = b"video", **members: Any) -> None:
        """Put an object, as Tavus's role does, without an S3 event."""
        _client("s3").put_object(Bucket=self.bucket, Key=key, Body=body, **members)

    def delete(self, key: str) -> None:
        """Delete an object, without an S3 event."""
        _client("s3").delete_object(Bucket=self.bucket, Key=key)

    def tell(self, key: str, change: str = "Object Created") -> None:
        """Send the S3 event of an object."""
        detail = {"bucket": {"name": self.bucket}, "object": {"key": key}}
        resolve.handler({"source": "aws.s3", "detail-type": change, "detail": detail}, None)

    def say(self, conversation_id: str, event_type: str = READY, **members: Any) -> Reply:
        """Post a callback and let the stream invoke `resolve`."""
        moment = members.pop("said_at", None) or SAID_AT + timedelta(seconds=next(self._moments))
        body = {
            "event_type": event_type,
            "message_type": "application",
            "conversation_id": conversation_id,
            "timestamp": moment.isoformat().replace("+00:00", "Z"),
            "properties": members,
        }
        reply = self.api.post(body)
        assert 200 == reply.status
        self.stream.deliver_new()
        return reply

    def claim(self, key: str, **members: Any) -> Reply:
        """Post the callback that the recording under a key is ready."""
        return self.say(key.split("/")[1], bucket_name=self.bucket, s3_key=key, **members)

    def all(self, conversation_id: str) -> list[dict[str, Any]]:
        """Read a conversation's recordings."""
        found: list[dict[str, Any]] = self.api.get(f"/conversations/{conversation_id}/recordings").value[
            "recordings"
        ]
        return found

    def only(self, conversation_id: str) -> dict[str, Any]:
        """Read the only recording of a conversation."""
        [found] = self.all(conversation_id)
        return found

    def link(self, conversation_id: str, recording_id: str = "latest", query: str = "") -> Reply:
        """Request a signed URL."""
        return self.api.get(f"/conversations/{conversation_id}/recordings/{recording_id}", query)

    def asked(self, operation: str) -> list[str]:
        """Return the keys with which an operation was called since the calls were last cleared."""
        return [unquote(call.path.lstrip("/")) for call in self.calls if call.operation == operation]

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows of recordings."""
        return [item for item in self.api.items() if item["type"] == "recording"]


@contextmanager
def recording_stack(api: Api, template: Any, monkeypatch: Any) -> Iterator[Recordings]:
    """Add the bucket and the keys to a stack, follow its stream, and note every call to AWS."""
    _make(template)
    [mapping] = [one for one in stream_mappings_of(template) if one.function == "ResolveFunction"]
    made = Recordings(api, api.environment["RECORDINGS_BUCKET"], mapping)
    made.stream = Stream(made.mapping, _client("dynamodbstreams"), _deliver)
    for module in (find_recording, routes, conversations):
        monkeypatch.setattr(module, "datetime", _clock(made))
    monkeypatch.setattr(resolve.logger.registered_handler, "stream", api.log)
    with _noting(made.calls):
        yield made


def _deliver(_shard: Any, batch: list[Any]) -> bool:
    _wake(batch)
    return True


@cache
def _client(service: Any) -> Any:
    # One for all tests: making it takes longer than what it asks.
    # Moto knows the address of streams that has no account in it.
    plain = Config(account_id_endpoint_mode="disabled")
    return boto3.client(service, region_name="us-east-1", config=plain)


def _wake(batch: list[Any]) -> None:
    answer = resolve.handler(json.loads(json.dumps({"Records": batch})), CONTEXT)
    assert {"batchItemFailures": []} == answer


def _make(template: Any) -> None:
    kept = {
        name: one
        for name, one in template.resources.items()
        if one.type == "AWS::SecretsManager::Secret" or name == "RecordingsBucket"
    }
    made = SimpleNamespace(s3=clients.s3(), secrets=clients.secretsmanager())
    deploy(replace(template, resources=kept), made)
    create_custom_resources(template, {"KeysFunction": lambda event: signing_key.handler(event, None)})


def _clock(made: Recordings) -> type[datetime]:
    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime.now(tz) + made.ahead

    return Clock


@contextmanager
def _noting(calls: list[Call]) -> Iterator[None]:
    def note(request: Any, operation_name: str, **_: Any) -> None:
        parts = urlsplit(request.url)
        calls.append(Call(operation_name, parts.netloc, parts.path))

    asked = [clients.s3(), clients.dynamodb(), clients.secretsmanager()]
    for client in asked:
        client.meta.events.register("before-sign", note)
    try:
        yield
    finally:
        for client in asked:
            client.meta.events.unregister("before-sign", note)
