"""Anything over HTTP: answered, never with a fault of ours, and no word or token of it in a log."""

import http.client
import json
import os
import socket
from collections import Counter
from io import StringIO
from unittest.mock import patch

import pytest
from fuzzing import CANARY, requests

from tavus_callbacks.handlers import read, receive
from tavus_callbacks_cli.local_stack.functions.worker import Context
from tavus_callbacks_cli.local_stack.http.gateway import Gateway
from tavus_callbacks_cli.local_stack.http.routes import routes_of
from tavus_callbacks_cli.local_stack.http.server import serve, take_port

pytestmark = pytest.mark.xdist_group("fuzz")

# More where somebody asks for it: `make fuzz`.
COUNT = int(os.environ.get("FUZZ_REQUESTS", "1000"))
SEED = int(os.environ.get("FUZZ_SEED", "1"))
# Every so many go over a socket, too.
SAMPLE = 20

HANDLERS = {"ReceiveFunction": receive.handler, "ReadFunction": read.handler}
CONTEXT = Context("request", "name", 512, "arn:aws:lambda:us-east-1:123456789012:function:name", 0)


@pytest.fixture(scope="module")
def log():
    """Collect what the functions log."""
    collected = StringIO()
    with (
        patch.object(receive.logger.registered_handler, "stream", collected),
        patch.object(read.logger.registered_handler, "stream", collected),
    ):
        yield collected


@pytest.fixture(scope="module")
def gateway(template, runtime):  # noqa: ARG001 - for what it does
    """Answer as the API does, its functions in this process; both ways as JSON, as Lambda hands it on."""

    def invoke(name):
        def invoked(event):
            answer = HANDLERS[name](json.loads(json.dumps(event)), CONTEXT)
            return json.loads(json.dumps(answer, ensure_ascii=False).encode())

        return invoked

    return Gateway(routes_of(template), {name: invoke(name) for name in HANDLERS})


def judge(request, answer):
    """Check an answer: no fault of ours, JSON where it is ours, and nothing in it that could harm a log."""
    assert answer.status < 500, request
    headers = dict(answer.headers)
    if answer.body and headers["content-type"] in ("application/json", "application/problem+json"):
        json.loads(answer.body, parse_constant=pytest.fail)


def test_no_request_makes_a_fault_of_ours(gateway, log, tokens):
    """Whatever comes is kept, refused or not found; logs hold neither tokens nor words."""
    statuses = Counter()
    for request in requests(SEED, COUNT, tokens):
        answer = gateway.handle(request)
        statuses[answer.status] += 1
        judge(request, answer)

    said = log.getvalue()
    print(dict(statuses))  # noqa: T201 - what `make fuzz` is run for
    assert {200, 400, 401, 404, 422} <= statuses.keys()
    assert [json.loads(line) for line in said.splitlines()]
    assert CANARY not in said
    assert not [token for token in tokens.values() if token in said]


def over_a_socket(port, request):
    """Send a request over HTTP as far as HTTP can carry it; return the status, None where it cannot."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    target = request.path.decode("latin-1") + ("?" + request.query.decode("latin-1") if request.query else "")
    try:
        connection.putrequest(request.method, target, skip_accept_encoding=True)
        for name, value in request.headers:
            connection.putheader(name.decode(), value)
        connection.putheader("content-length", str(len(request.body)))
        connection.endheaders(request.body)
        return connection.getresponse().status
    except (ValueError, http.client.InvalidURL):
        return None
    finally:
        connection.close()


def test_the_front_itself_withstands_it(gateway, tokens):
    """A sample through the real HTTP front: the same answers."""
    with take_port(0) as listener, serve(listener, gateway.handle):
        port = listener.getsockname()[1]
        statuses = Counter(
            over_a_socket(port, request) for request in requests(SEED + 1, max(40, COUNT // SAMPLE), tokens)
        )

    assert not [status for status in statuses if status and status >= 500]
    assert statuses[200]


@pytest.mark.parametrize(
    "raw",
    [
        b"\x00" * 100,
        b"POST / HTTP/9.9\r\n\r\n",
        b"POST /callbacks/x HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
        b"POST /callbacks/x HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"POST /callbacks/x HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello",
        b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET /x HTTP/1.1\r\nhost: x\r\nx: a\r\n b\r\n\x0b: c\r\n\r\n",
    ],
    ids=range(7),
)
def test_what_is_no_http_harms_nobody(gateway, tokens, raw):
    """Broken requests get 4xx or a closed connection, and the next one is served."""
    with take_port(0) as listener, serve(listener, gateway.handle):
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(raw)
            connection.shutdown(socket.SHUT_WR)
            first = connection.recv(100)
        assert first == b"" or first.startswith(b"HTTP/1.1 4")
        [request] = requests(SEED, 1, tokens)
        assert over_a_socket(port, request) is not None
