"""The HTTP server answers any bytes, with the answers of API Gateway."""

import http.client
import json
import socket
import time
from collections.abc import Iterator
from contextlib import closing

import click
import pytest

from tavus_callbacks_cli.local_stack.functions.local_function import (
    AnswerTooLarge,
    FunctionFailed,
    FunctionTimedOut,
)
from tavus_callbacks_cli.local_stack.http.gateway import Gateway
from tavus_callbacks_cli.local_stack.http.payload import BODY_LIMIT, EVENT_LIMIT
from tavus_callbacks_cli.local_stack.http.routes import Route
from tavus_callbacks_cli.local_stack.http.server import serve, take_port

pytestmark = pytest.mark.stack

ECHO = Route("POST", "/echo", "Echo")
FAILURES = {
    "timeout": FunctionTimedOut,
    "large": AnswerTooLarge,
    "failed": FunctionFailed,
    "bug": ZeroDivisionError,
}


def fail(event: dict[str, dict[str, str]]) -> object:
    """Fail as the path says, or return an invalid answer."""
    how = event["pathParameters"]["how"]
    if how in FAILURES:
        raise FAILURES[how]
    return {"statusCode": how}


@pytest.fixture(scope="module")
def gateway() -> Gateway:
    """Route to an echo and to something that fails."""
    routes = [ECHO, Route("GET", "/fail/{how}", "Fail")]
    return Gateway(routes, {"Echo": lambda event: event, "Fail": fail})


@pytest.fixture(scope="module")
def port(gateway: Gateway) -> Iterator[int]:
    """Serve the gateway."""
    with take_port(0) as listener, serve(listener, gateway.handle):
        yield listener.getsockname()[1]


def ask(port: int, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
    """Send a request and return status and body of the answer."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        connection.request(
            method, path, body, {name.replace("_", "-"): text for name, text in headers.items()}
        )
        answer = connection.getresponse()
        return answer.status, answer.read()


def test_a_kept_connection_is_answered_without_a_pause(port: int) -> None:
    """The system delays small packets by 40 ms unless told not to; the quickest of ten shows that it is."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        spans = []
        for _ in range(10):
            began = time.monotonic()
            connection.request("POST", "/echo", b"{}")
            connection.getresponse().read()
            spans.append(time.monotonic() - began)

    assert min(spans[1:]) < 0.03


def send_raw(port: int, request: bytes) -> bytes:
    """Send bytes as they are and return the first of the answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(request)
        return connection.recv(65536)


def test_a_request_reaches_its_function(port: int) -> None:
    """Path, query, headers and body arrive as an event."""
    status, body = ask(port, "POST", "/echo?a=1&a=2", b"{}", content_type="application/json")

    event = json.loads(body)
    assert status == 200
    assert event["rawQueryString"] == "a=1&a=2"
    assert event["body"] == "{}"
    assert event["requestContext"]["http"]["sourceIp"] == "127.0.0.1"


@pytest.mark.parametrize(
    ("expected", "method", "path"),
    [
        ((404, b'{"message":"Not Found"}'), "GET", "/nowhere"),
        ((404, b'{"message":"Not Found"}'), "GET", "/echo"),
        ((404, b'{"message":"Not Found"}'), "POST", "/echo/"),
        ((404, b'{"message":"Not Found"}'), "OPTIONS", "*"),
        ((404, b'{"message":"Not Found"}'), "BREW", "/echo"),
        ((404, b""), "HEAD", "/echo"),
        ((500, b'{"message":"Internal Server Error"}'), "GET", "/fail/failed"),
        ((500, b'{"message":"Internal Server Error"}'), "GET", "/fail/many"),
        ((502, b'{"message":"Internal Server Error"}'), "GET", "/fail/large"),
        ((503, b'{"message":"Service Unavailable"}'), "GET", "/fail/timeout"),
        ((204, b""), "GET", "/fail/204"),
        ((304, b""), "GET", "/fail/304"),
    ],
)
def test_the_gateway_answers_by_itself(
    port: int, expected: tuple[int, bytes], method: str, path: str
) -> None:
    """No such route, and each way in which a function can fail, have their answer."""
    assert expected == ask(port, method, path)


def test_a_fault_of_the_stack_is_answered_and_logged(port: int, caplog: pytest.LogCaptureFixture) -> None:
    """A client sees no traceback; the person does."""
    assert ask(port, "GET", "/fail/bug") == (500, b'{"message":"Internal Server Error"}')
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize(
    ("unit", "size"), [(b"x", BODY_LIMIT + 1), (b"x", EVENT_LIMIT), (b'"', EVENT_LIMIT // 2)]
)
def test_a_body_that_is_too_large_is_413(port: int, unit: bytes, size: int) -> None:
    """Beyond the gateway's 10 MB, or Lambda's event of 6 MB with its quotes escaped, the client hears so."""
    answer = ask(port, "POST", "/echo", unit * size, content_type="text/plain")

    assert answer == (413, b'{"message":"Request Entity Too Large"}')


def test_a_body_within_the_limits_comes_back_whole(port: int) -> None:
    """4 MB of Japanese fit, as the gateway does not escape it."""
    text = "会話" * (4 * 1024 * 1024 // 6)

    status, body = ask(port, "POST", "/echo", text.encode(), content_type="application/json")

    assert status == 200
    assert text == json.loads(body)["body"]


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GARBAGE\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n",
        b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_what_is_no_http_is_400(port: int, request_bytes: bytes) -> None:
    """The server goes on, the client hears that it is at fault."""
    assert send_raw(port, request_bytes).startswith(b"HTTP/1.1 400 ")
    assert ask(port, "GET", "/nowhere")[0] == 404


@pytest.mark.parametrize(
    ("status", "request_bytes"),
    [
        (b"404", b"GET http://other.example/echo HTTP/1.1\r\nHost: a\r\n\r\n"),
        (b"404", b"GET /%00%ff/%2e%2e/etc HTTP/1.1\r\nHost: a\r\n\r\n"),
        (b"200", b"POST /echo?%ff=%00 HTTP/1.1\r\nHost: a\r\nX: \xff\r\nContent-Length: 0\r\n\r\n"),
        (b"200", b"POST /echo HTTP/1.0\r\nContent-Length: 0\r\n\r\n"),
    ],
)
def test_odd_requests_have_an_answer(port: int, status: bytes, request_bytes: bytes) -> None:
    """Strange, but HTTP: it is routed, never a fault of the server."""
    assert send_raw(port, request_bytes).split(b" ")[1] == status


def test_a_client_that_goes_away_does_no_harm(port: int) -> None:
    """An incomplete body is not a callback."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf")

    assert ask(port, "POST", "/echo")[0] == 200


def test_a_taken_port_is_a_clear_error(port: int) -> None:
    """It names the option that helps."""
    with pytest.raises(click.ClickException, match=f"Port {port} is taken .*--port N"):
        take_port(port)
