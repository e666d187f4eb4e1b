"""The embedded services keep their connections open."""

import threading
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection

import pytest
from werkzeug.serving import make_server

from tavus_callbacks_cli.local_stack.services.http_server import KeepAliveHandler


def echo(environ, start_response):
    """Answer with the request's method and body; fail, or answer without a body, if its path says so."""
    if environ["PATH_INFO"] == "/fail":
        raise ValueError("broken")
    if environ["PATH_INFO"] == "/empty":
        start_response("204 NO CONTENT", [])
        return []
    start_response("200 OK", [("x-method", environ["REQUEST_METHOD"])])
    return [environ["wsgi.input"].read()] if environ["REQUEST_METHOD"] != "HEAD" else []


@pytest.fixture
def connection() -> Iterator[HTTPConnection]:
    """Serve the application above, and connect to it once."""
    server = make_server("127.0.0.1", 0, echo, threaded=True, request_handler=KeepAliveHandler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    with closing(HTTPConnection("127.0.0.1", server.port, timeout=5)) as client:
        yield client
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("method", "path", "body", "expected"),
    [
        ("POST", "/", b"text", (200, b"text")),
        ("POST", "/", (b"in ", b"chunks"), (200, b"in chunks")),
        ("GET", "/", None, (200, b"")),
        ("HEAD", "/", None, (200, b"")),
        ("DELETE", "/empty", None, (204, b"")),
        ("POST", "/fail", b"text that nobody reads", (500, b"")),
    ],
)
def test_a_connection_takes_one_request_after_another(connection, method, path, body, expected):
    """After each kind of request the same connection answers the next one."""
    connection.connect()
    socket = connection.sock
    connection.request(method, path, body)
    answer = connection.getresponse()

    assert expected == (answer.status, answer.read())

    connection.request("POST", "/", b"next")
    answer = connection.getresponse()

    assert (200, b"next") == (answer.status, answer.read())
    assert socket is connection.sock


def test_a_client_that_waits_for_permission_gets_it(connection):
    """S3 clients send a large body only after `100 Continue`."""
    connection.connect()
    connection.sock.sendall(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
    permission = connection.sock.recv(1024)
    connection.sock.sendall(b"body")

    assert permission.startswith(b"HTTP/1.1 100 ")
    assert connection.sock.recv(4096).endswith(b"body")
