"""The deployed stack inside this process: the template's routes and tables, the real handlers, moto's AWS."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import StringIO
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from botocore.client import BaseClient
from botocore.exceptions import ClientError, ReadTimeoutError
from moto.core.botocore_stubber import BotocoreStubber

import runtimes
from tavus_callbacks.aws import clients
from tavus_callbacks.aws.items import read_item
from tavus_callbacks.aws.stores.bodies import Bodies
from tavus_callbacks.handlers import read, receive
from tavus_callbacks_cli.local_stack.http.payload import (
    Request,
    encode_event,
    make_answer,
    make_event,
    raw_path,
)
from tavus_callbacks_cli.local_stack.http.routes import Route, match_route
from tavus_callbacks_cli.tokens import create_token

HANDLERS = {"ReceiveFunction": receive.handler, "ReadFunction": read.handler}
CONTEXT = SimpleNamespace(
    invoked_function_arn="arn:aws:lambda:us-east-1:123456789012:function:any",
    get_remaining_time_in_millis=lambda: 300_000,
)
# The largest event and the largest answer of Lambda.
PAYLOAD_LIMIT = 6 * 1024 * 1024


def strict_json(text: str | bytes) -> Any:
    """Parse JSON as its standard says: no NaN, no Infinity."""

    def refuse(name: str) -> Any:
        raise AssertionError(name)

    return json.loads(text, parse_constant=refuse)


@dataclass(frozen=True)
class Reply:
    """An HTTP answer as its caller sees it."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def value(self) -> Any:
        """Return the body, parsed."""
        return strict_json(self.body)


@dataclass
class Api:
    """The HTTP API without its network; each request and answer passes through JSON as Lambda's do."""

    routes: list[Route]
    environment: Mapping[str, str]
    tokens_table: Any
    token: str = ""
    read_token: str = ""
    quarantine_token: str = ""
    log: StringIO = field(default_factory=StringIO)

    def create_token(self, label: str = "test", scope: Any = "callback") -> str:
        """Make a token as the command line does."""
        return create_token(self.tokens_table, label=label, scope=scope, now=datetime.now(UTC))

    def send(self, request: Request, at: float | None = None) -> Reply:
        """Route a request to its handler; `at` is when the gateway got it, in seconds since 1970."""
        found = match_route(self.routes, request.method, raw_path(request.path))
        if found is None:
            return Reply(404, {}, b'{"message":"Not Found"}')
        event = make_event(request, *found, now=at)
        assert len(encode_event(event)) <= PAYLOAD_LIMIT
        result = HANDLERS[found[0].function](json.loads(json.dumps(event)), None)
        assert len(json.dumps(result, ensure_ascii=False).encode()) <= PAYLOAD_LIMIT
        answer = make_answer(result)
        return Reply(answer.status, dict(answer.headers), answer.body)

    def post(
        self,
        body: Any,
        *,
        token: str | None = None,
        query: str = "",
        content_type: str = "application/json",
        at: float | datetime | None = None,
    ) -> Reply:
        """Post a callback: bytes as they are, anything else as JSON."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        path = f"/callbacks/{self.token if token is None else token}"
        headers = ((b"content-type", content_type.encode()),)
        seconds = at.timestamp() if isinstance(at, datetime) else at
        return self.send(Request("POST", path.encode(), query.encode(), headers, raw), seconds)

    def get(self, path: str, query: str = "", *, token: str | None = None, accept: str = "") -> Reply:
        """Read with the read token, or the one given; `accept` is the header Accept-Encoding."""
        bearer = self.read_token if token is None else token
        headers = (
            (b"Authorization", f"Bearer {bearer}".encode()),
            *(((b"Accept-Encoding", accept.encode()),) if accept else ()),
        )
        return self.send(Request("GET", path.encode(), query.encode(), headers))

    def quarantine(self) -> list[dict[str, Any]]:
        """Return everything in quarantine, page by page."""
        return list(self.pages("/quarantine", "quarantine", token=self.quarantine_token))

    def pull(self) -> list[dict[str, Any]]:
        """Return all events in order of receipt, as far as one page of 200 goes."""
        events: list[dict[str, Any]] = self.get("/events", "limit=200").value["events"]
        return events

    def events(self, subject: str, kind: str = "conversation") -> list[dict[str, Any]]:
        """Return a subject's events, page by page."""
        return list(self.pages("/events", "events", f"kind={kind}&subject={subject}"))

    def pages(
        self, path: str, name: str, query: str = "", *, token: str | None = None
    ) -> Iterator[dict[str, Any]]:
        """Yield the entries of a list, page by page; `name` is the member that holds them."""
        cursor = ""
        while cursor is not None:
            page = self.get(path, f"{query}&cursor={cursor}", token=token).value
            yield from page[name]
            cursor = page["cursor"]

    def records(self) -> list[dict[str, Any]]:
        """Return what was logged."""
        return [strict_json(line) for line in self.log.getvalue().splitlines()]

    def items(self) -> list[dict[str, Any]]:
        """Return every item of the events table."""
        return [read_item(row) for row in self._scan("EVENTS_TABLE")]

    def everything_kept(self) -> Iterator[bytes]:
        """Yield all that lies in tables and bucket, bodies unpacked."""
        bodies = Bodies(self.environment["BODIES_BUCKET"])
        for item in self.items():
            if "body_size" in item:
                yield bodies.read(item)
            yield repr(item).encode()
        for row in self._scan("TOKENS_TABLE"):
            yield repr(row).encode()
        for key in self.object_keys():
            yield key.encode()

    def object_keys(self) -> list[str]:
        """Return the keys in the bodies bucket."""
        found = clients.s3().list_objects_v2(Bucket=self.environment["BODIES_BUCKET"])
        return [one["Key"] for one in found.get("Contents", [])]

    def _scan(self, table: str) -> Iterator[dict[str, Any]]:
        pages = clients.dynamodb().get_paginator("scan").paginate(TableName=self.environment[table])
        for page in pages:
            yield from page["Items"]


def beside(call: Callable[[], object]) -> None:
    """Call in a thread of its own, as somebody else would: the check of roles takes it for nobody's."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(call).result()


@contextmanager
def failing(
    service: str,
    *operations: str,
    error: str | None = None,
    when: Callable[[dict[str, Any]], bool] = lambda _: True,
) -> Iterator[None]:
    """Let operations of every client of a service time out, or answer with an error code."""
    call = BaseClient._make_api_call

    def fail(client: BaseClient, operation: str, parameters: dict[str, Any]) -> Any:
        is_ours = client.meta.service_model.service_name == service and operation in operations
        if not (is_ours and when(parameters)):
            return call(client, operation, parameters)
        if error is None:
            raise ReadTimeoutError(endpoint_url="https://store.invalid")
        raise ClientError({"Error": {"Code": error, "Message": "store.invalid"}}, operation)

    with patch.object(BaseClient, "_make_api_call", fail):
        yield


@contextmanager
def unanswered(operation: str, when: Callable[[dict[str, Any]], bool] = lambda _: True) -> Iterator[None]:
    """Let the first call of an operation do its work, and its answer be lost."""
    call, lost = BaseClient._make_api_call, []

    def lose(client: BaseClient, name: str, parameters: dict[str, Any]) -> Any:
        try:
            return call(client, name, parameters)
        finally:
            if name == operation and not lost and when(parameters):
                lost.append(name)
                raise ReadTimeoutError(endpoint_url="https://store.invalid")

    with patch.object(BaseClient, "_make_api_call", lose):
        yield
    assert lost


def forget() -> None:
    """Forget what a runtime remembers, as a new one would not know it; clients are dear and stay."""
    runtimes.forget(clients)


def one_at_a_time(monkeypatch: Any) -> None:
    """Let moto decide on one request after the other: DynamoDB's check and write are one step, moto's two."""
    lock, process = threading.Lock(), BotocoreStubber.process_request

    def locked(self: BotocoreStubber, request: Any) -> Any:
        with lock:
            return process(self, request)

    monkeypatch.setattr(BotocoreStubber, "process_request", locked)
