"""Receiver and drain in this process, the embedded services behind a proxy, and what is really kept."""

import json
import os
import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from proxy import Proxy

from runtimes import forget
from tavus_callbacks.aws.items import read_item
from tavus_callbacks.aws.stores.bodies import Bodies
from tavus_callbacks.aws.stores.events import EventsTable
from tavus_callbacks.aws.stores.keys import partition
from tavus_callbacks.domain.common.timestamps import now
from tavus_callbacks.handlers import drain, receive
from tavus_callbacks.runtime.settings import settings
from tavus_callbacks_cli.local_stack.http.payload import Request, make_event
from tavus_callbacks_cli.local_stack.http.routes import Route
from tavus_callbacks_cli.local_stack.services.embedded import EmbeddedServices
from tavus_callbacks_cli.tokens import create_token

POST = Route("POST", "/callbacks/{token}", "ReceiveFunction")
# Seconds that a warm answer may take, whatever AWS does.
PROMISED = 3.0
# A slow machine is not a slow store: our own time is a multiple of a usual callback, whatever AWS does.
USUALS = 25
# Bytes a second of our own work on a large body, on a machine that has much else to do.
OUR_PACE = 1_000_000


@dataclass(frozen=True)
class Reply:
    """An answer and how long it took."""

    status: int
    headers: dict[str, str]
    value: dict[str, Any]
    seconds: float

    @property
    def is_acknowledged(self) -> bool:
        """Tell whether the sender may forget the callback: kept as an event, spilled, or in quarantine."""
        return self.status == 200 or "quarantine_id" in self.value


@dataclass
class World:
    """A receiver with a warm token, and a way to look behind the proxy."""

    proxy: Proxy
    embedded: EmbeddedServices
    environment: dict[str, str]
    token: str = ""
    # Seconds of a callback that nothing disturbs, on this machine now.
    usual: float = 0.0
    replies: list[tuple[bytes, Reply]] = field(default_factory=list)

    def post(self, body: bytes, *, query: str = "", at: float | None = None, token: str = "") -> Reply:
        """Post a callback to a warm runtime; checks what holds for every answer."""
        reply = self.post_cold(body, query=query, at=at, token=token)
        assert reply.seconds < PROMISED + USUALS * self.usual + len(body) / OUR_PACE
        return reply

    def post_cold(self, body: bytes, *, query: str = "", at: float | None = None, token: str = "") -> Reply:
        """Post a callback to a runtime that may make its clients first."""
        headers = ((b"content-type", b"application/json"),)
        path = f"/callbacks/{token or self.token}"
        request = Request("POST", path.encode(), query.encode(), headers, body)
        event = make_event(request, POST, {"token": token or self.token}, now=at)
        started = time.monotonic()
        answer = receive.handler(json.loads(json.dumps(event)), None)
        seconds = time.monotonic() - started
        reply = Reply(answer["statusCode"], answer["headers"], json.loads(answer["body"]), seconds)
        self.replies.append((body, reply))
        assert reply.status in (200, 400, 401, 422, 503)
        assert reply.status != 503 or reply.headers["retry-after"] == "30"
        return reply

    @cached_property
    def sqs(self) -> Any:
        """Return a client of the queue that no fault disturbs."""
        return self.embedded.sqs()

    def waiting(self) -> list[dict[str, Any]]:
        """Take every message of the spill as Lambda would be given it."""
        found: list[dict[str, Any]] = []
        url = self.environment["SPILL_QUEUE_URL"]
        while batch := self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            found += batch
        return found

    def drain(self, seed: int = 1) -> int:
        """Empty the spill in any order, each message twice as SQS may give it; return how many there were."""
        waiting = self.waiting()
        records = [_record(message) for message in waiting for _ in range(2)]
        random.Random(seed).shuffle(records)  # noqa: S311 - any order, and the same each time
        for start in range(0, len(records), 10):
            batch = records[start : start + 10]
            assert {"batchItemFailures": []} == drain.handler({"Records": batch}, SimpleNamespace())
        self.delete(waiting)
        return len(waiting)

    def delete(self, messages: list[dict[str, Any]]) -> None:
        """Delete messages, as Lambda does with those that were taken."""
        for message in messages:
            self.sqs.delete_message(
                QueueUrl=self.environment["SPILL_QUEUE_URL"], ReceiptHandle=message["ReceiptHandle"]
            )

    @cached_property
    def _table(self) -> EventsTable:
        made = self.embedded.clients()
        config = settings()
        bodies = Bodies(config.bodies_bucket, lambda: made.s3)
        return EventsTable(made.dynamodb, config.events_table, bodies, None)

    def rows(self, pk: str) -> list[dict[str, Any]]:
        """Return every row of a partition."""
        found = self._table.client.query(
            TableName=self._table.name,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": pk}},
            ConsistentRead=True,
        )
        return [read_item(row) for row in found["Items"]]

    def kept(self, pk: str) -> Counter[bytes]:
        """Return every body that is kept under a partition, and how often."""
        return Counter(self._table.bodies.read(item) for item in self.rows(pk) if "body_size" in item)

    def check(self, subject: str) -> None:
        """Check that what was acknowledged is there, and nothing twice, once the spill is drained."""
        self.drain()
        events = self.kept(partition("conversation", subject))
        acknowledged = {body for body, reply in self.replies if reply.status == 200}
        assert not acknowledged - events.keys()
        assert not [count for count in events.values() if count > 1]
        for body, reply in self.replies:
            if "quarantine_id" in reply.value:
                assert Counter([body]) == self.kept(f"quarantine#{reply.value['quarantine_id']}")


def _record(message: dict[str, Any]) -> dict[str, Any]:
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": {},
        "messageAttributes": {},
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:spill",
        "awsRegion": "us-east-1",
    }


@contextmanager
def runtime(environment: dict[str, str], proxy: Proxy, key_id: str) -> Iterator[None]:
    """Let handlers run in this process, their AWS behind the proxy."""
    variables = {
        **environment,
        "AWS_ENDPOINT_URL": proxy.url,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": key_id,
        "AWS_SECRET_ACCESS_KEY": "local",
    }
    with patch.dict(os.environ, variables):
        forget()
        yield
        forget()


def new_token(embedded: EmbeddedServices, environment: dict[str, str]) -> str:
    """Make a callback token behind the proxy's back."""
    table = embedded.table(environment["TOKENS_TABLE"])
    return create_token(table, label="faults", scope="callback", now=now())
