"""A proxy between the code and the embedded services that does to single requests what AWS may do to them."""

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

# Seconds: longer than any attempt of `receive`, and just short of the shortest.
TOO_LONG, JUST_IN_TIME = 0.8, 0.35


class Fault(Enum):
    """The fate of a request; only `KILLED`, `SLOW` and `LATE` reach the service."""

    THROTTLED = "throttled"
    BROKEN = "500"
    RESET = "reset"
    KILLED = "killed after the write"
    SILENT = "no answer"
    SLOW = "answered too late"
    LATE = "answered just in time"


QUICK = (Fault.THROTTLED, Fault.BROKEN, Fault.RESET, Fault.KILLED)
REACHES = (Fault.KILLED, Fault.SLOW, Fault.LATE)

_CODES = {
    "dynamodb": (400, "ProvisionedThroughputExceededException"),
    "sqs": (403, "RequestThrottled"),
    "s3": (503, "SlowDown"),
}


@dataclass(frozen=True)
class Call:
    """One request: `number` counts from 0 since the plan was made."""

    number: int
    service: str
    operation: str


Plan = Callable[[Call], Fault | None]


@dataclass
class Proxy:
    """The proxy: `calls` are those that came under the plan."""

    url: str
    plan: Plan = lambda _: None
    calls: list[Call] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def faults(self, plan: Plan) -> Iterator[list[Call]]:
        """Follow a plan until the block ends."""
        self.plan, self.calls = plan, []
        try:
            yield self.calls
        finally:
            self.plan = lambda _: None

    def decide(self, service: str, operation: str) -> Fault | None:
        """Count a request and say what happens to it."""
        with self.lock:
            call = Call(len(self.calls), service, operation)
            self.calls.append(call)
            return self.plan(call)


@contextmanager
def fault_proxy(endpoint_url: str) -> Iterator[Proxy]:
    """Stand before an endpoint until the block ends."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.proxy = Proxy(f"http://127.0.0.1:{server.server_port}")
    server.upstream = urlsplit(endpoint_url).netloc
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server.proxy
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    proxy: Proxy
    upstream: str

    def handle_error(self, _request: Any, _client: Any) -> None:
        """Say nothing: clients that give up are what this is about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_PUT(self) -> None:
        """Pass a request on, or not."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        fault = self.server.proxy.decide(*self._name())
        _ACTS[fault](self, body)

    do_GET = do_POST = do_HEAD = do_DELETE = do_PUT  # noqa: N815 - http.server's names

    def _name(self) -> tuple[str, str]:
        target = self.headers.get("X-Amz-Target", "")
        if not target:
            return "s3", f"{self.command.title()}Object"
        service, _, operation = target.partition(".")
        return ("sqs" if service == "AmazonSQS" else "dynamodb"), operation

    def forward(self, body: bytes) -> bytes:
        """Return the service's answer as bytes on the wire."""
        upstream = HTTPConnection(self.server.upstream, timeout=10)
        try:
            upstream.request(self.command, self.path, body, {**self.headers, "Host": self.server.upstream})
            answer = upstream.getresponse()
            content = answer.read()
        finally:
            upstream.close()
        dropped = ("connection", "transfer-encoding", "content-length", "date", "server")
        kept = {name: value for name, value in answer.getheaders() if name.lower() not in dropped}
        length = answer.getheader("content-length") if self.command == "HEAD" else str(len(content))
        return _written(answer.status, {**kept, "content-length": length or "0"}, content)

    def answer(self, wire: bytes) -> None:
        """Send an answer, to whoever still listens."""
        with suppress(OSError):
            self.connection.sendall(wire)

    def error(self, status: int, code: str) -> bytes:
        """Write an error as the service does."""
        if "X-Amz-Target" in self.headers:
            body = f'{{"__type":"com.amazonaws#{code}","message":"no"}}'.encode()
            return _written(status, {"content-length": str(len(body))}, body)
        body = f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()
        return _written(status, {"content-length": str(len(body)), "content-type": "application/xml"}, body)

    def hang_up(self) -> None:
        """Reset the connection."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _written(status: int, headers: dict[str, str], body: bytes) -> bytes:
    lines = [f"HTTP/1.1 {status} -", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def _pass_on(handler: _Handler, body: bytes) -> None:
    handler.answer(handler.forward(body))


def _throttle(handler: _Handler, _body: bytes) -> None:
    handler.answer(handler.error(*_CODES[handler._name()[0]]))


def _break(handler: _Handler, _body: bytes) -> None:
    handler.answer(handler.error(500, "InternalServerError"))


def _reset(handler: _Handler, _body: bytes) -> None:
    handler.hang_up()


def _kill(handler: _Handler, body: bytes) -> None:
    handler.forward(body)
    handler.hang_up()


def _stay_silent(handler: _Handler, _body: bytes) -> None:
    time.sleep(TOO_LONG)
    handler.hang_up()


def _answer_after(seconds: float) -> Callable[[_Handler, bytes], None]:
    def answer(handler: _Handler, body: bytes) -> None:
        wire = handler.forward(body)
        time.sleep(seconds)
        handler.answer(wire)

    return answer


_ACTS: dict[Fault | None, Callable[[_Handler, bytes], None]] = {
    None: _pass_on,
    Fault.THROTTLED: _throttle,
    Fault.BROKEN: _break,
    Fault.RESET: _reset,
    Fault.KILLED: _kill,
    Fault.SILENT: _stay_silent,
    Fault.SLOW: _answer_after(TOO_LONG),
    Fault.LATE: _answer_after(JUST_IN_TIME),
}
