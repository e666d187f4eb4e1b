"""Live events reach the open pages, cost no thread, and end with the page, the reader or the server."""

import asyncio
import http.client
import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing

import pytest
from console_pages import KEY, own_headers, served

from tavus_callbacks_cli.console import live
from tavus_callbacks_cli.console.live import Feed
from tavus_callbacks_cli.console.open import local_console
from tavus_callbacks_cli.local_stack.functions.local_function import FunctionFailed
from tavus_callbacks_cli.local_stack.http import server
from tavus_callbacks_cli.local_stack.http.gateway import Exchange, Gateway
from tavus_callbacks_cli.local_stack.http.payload import Answer
from tavus_callbacks_cli.local_stack.http.routes import Route
from tavus_callbacks_cli.local_stack.http.server import serve, take_port
from tavus_callbacks_cli.local_stack.registry import RunningStack

CALLBACK = Route("POST", "/callbacks/{token}", "ReceiveFunction")
EVENT = {"kind": "conversation", "subject": "c1", "event_type": "system.shutdown"}
STORED = {"status": "stored", "issues": [], **EVENT}


def exchange(content=STORED, route=CALLBACK):
    """Make an exchange as the gateway sees it."""
    event = {"requestContext": {"timeEpoch": 1_800_000_000_123}}
    return Exchange(route, event, Answer(200, (), json.dumps(content).encode()))


class Reader:
    """A page that reads live events."""

    def __init__(self, port, *, buffer=None):
        self.socket = socket.socket()
        if buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self.socket.settimeout(20)
        self.socket.connect(("127.0.0.1", port))
        headers = "".join(f"{name}: {value}\r\n" for name, value in own_headers(port).items())
        self.socket.sendall(f"GET /console/live HTTP/1.1\r\n{headers}\r\n".encode())
        self.text = b""

    def read_until(self, text):
        """Read until a text has come."""
        while text not in self.text and (part := self.socket.recv(65536)):
            self.text += part
        return text in self.text

    def read_to_end(self):
        """Read until the server closes the connection."""
        while part := self.socket.recv(65536):
            self.text += part


@pytest.fixture
def feed():
    """Make a feed."""
    return Feed()


@pytest.fixture
def port(feed):
    """Serve a console with the feed."""
    with served(chunks=feed.chunks) as client:
        yield client.base_url.port


@pytest.fixture
def connect():
    """Open pages that read live events; wait until they do unless `buffer` is small."""
    with ExitStack() as cleanup:

        def open_reader(port, **options):
            reader = Reader(port, **options)
            cleanup.callback(reader.socket.close)
            assert reader.read_until(b"retry: 1000\n\n")
            return reader

        yield open_reader


def wait_for(condition):
    """Wait until a condition holds, for twenty seconds at most."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_stored_event_reaches_every_page(feed, port, connect):
    """Each open page gets kind, subject, type and time of receipt, and nothing of the body."""
    readers = [connect(port), connect(port)]

    feed.watch(exchange())

    for reader in readers:
        assert reader.read_until(b"}\n\n")
        message = reader.text.partition(b"data: ")[2].partition(b"\n\n")[0]
        assert EVENT | {"received_at": "2027-01-15T08:00:00.123000Z"} == json.loads(message)


@pytest.mark.parametrize(
    ("content", "route"),
    [
        ({**STORED, "status": "duplicate"}, CALLBACK),
        ({**STORED, "status": "erased"}, CALLBACK),
        ({"status": 422, "detail": "no subject"}, CALLBACK),
        ({}, CALLBACK),
        (STORED, Route("GET", "/events", "ReadFunction")),
    ],
)
def test_what_stores_nothing_is_no_event(feed, port, content, route, connect):
    """A duplicate, a refusal and a read reach no page."""
    reader = connect(port)

    feed.watch(exchange(content, route))
    feed.watch(exchange())

    assert reader.read_until(b"}\n\n")
    assert 1 == reader.text.count(b"data: ")


def test_hostile_names_stay_one_message(feed, port, connect):
    """A subject cannot end a message or begin another field."""
    reader = connect(port)

    feed.watch(exchange({**STORED, "subject": "c1\n\ndata: {}\r\nevent: x\u2028"}))

    assert reader.read_until(b"}\n\n")
    fields = [line.partition(b":")[0] for line in reader.text.partition(b"retry")[2].splitlines()]
    assert [b"data"] == [field for field in fields[1:] if field.isalpha()]


def test_a_page_that_leaves_is_forgotten(feed, port, connect):
    """The feed holds no page that disconnected."""
    reader = connect(port)
    assert 1 == len(feed._pages)

    reader.socket.close()

    wait_for(lambda: not feed._pages)


def test_a_stop_ends_open_streams_at_once(feed, connect):
    """Ctrl-C does not wait for pages that are open."""
    with served(chunks=feed.chunks) as client:
        readers = [connect(client.base_url.port) for _ in range(5)]
        began = time.monotonic()

    assert time.monotonic() - began < 1.9
    for reader in readers:
        reader.read_to_end()
        assert reader.text.endswith(b"0\r\n\r\n")


def test_streams_occupy_no_thread(port, connect):
    """With more open pages than threads, a request is answered as quickly as before."""
    for _ in range(server._THREADS + 6):
        connect(port)

    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
        connection.request("GET", "/console/config", headers=own_headers(port))
        assert 200 == connection.getresponse().status


def test_a_slow_reader_blocks_nobody_and_is_disconnected(feed, port, monkeypatch, connect):
    """A page that reads nothing is closed; the gateway and other pages go on."""
    monkeypatch.setattr(server, "_SLOW", 0.2)
    connect(port, buffer=4096)
    quick = connect(port)
    large = exchange({**STORED, "subject": "c" * 100_000})

    reading = threading.Thread(target=quick.read_until, args=(b"the-last",))
    reading.start()
    began = time.monotonic()
    for _ in range(60):
        feed.watch(large)
    assert time.monotonic() - began < 1.9
    feed.watch(exchange({**STORED, "subject": "the-last"}))

    reading.join(20)
    assert b"the-last" in quick.text
    wait_for(lambda: len(feed._pages) == 1)


def test_a_page_that_falls_behind_is_ended(monkeypatch):
    """The messages that wait for a page are bounded: the page connects again and reads again."""
    monkeypatch.setattr(live, "_MOST_WAITING", 3)
    feed = Feed()

    async def fall_behind():
        chunks = feed.chunks()
        await anext(chunks)
        for _ in range(5):
            feed.watch(exchange())
        await asyncio.sleep(0)
        return [chunk async for chunk in chunks]

    assert [] == asyncio.run(fall_behind())
    assert not feed._pages


def test_a_quiet_stream_shows_that_it_is_alive(monkeypatch):
    """A comment now and then finds connections that are gone."""
    monkeypatch.setattr(live, "_QUIET", 0.01)

    async def wait():
        chunks = Feed().chunks()
        return [await anext(chunks), await anext(chunks)]

    assert [b"retry: 1000\n\n", b":\n\n"] == asyncio.run(wait())


def stack_of(port):
    """Describe a local stack whose console has the key of the tests."""
    return RunningStack(
        pid=1,
        port=port,
        api_url=f"http://127.0.0.1:{port}",
        callback_url="https://tunnel.example/callbacks/token",
        read_token="read",
        quarantine_token="quarantine",
        endpoint_url="",
        region="",
        aws_access_key_id="",
        aws_secret_access_key="",
        outputs={},
        console_key=KEY,
    )


def test_the_console_of_a_local_stack_asks_its_own_port(monkeypatch):
    """Page and API share a port: more requests at once than threads still get their answers."""
    monkeypatch.setattr(server, "_THREADS", 4)
    gateway = Gateway(
        [Route("GET", "/events", "Read"), Route("GET", "/stack", "Read")], {"Read": lambda _: {"events": []}}
    )
    with take_port(0) as listener:
        port = listener.getsockname()[1]
        with (
            local_console(stack_of(port), gateway) as site,
            serve(listener, gateway.handle, before=site),
            ThreadPoolExecutor(24) as pool,
        ):
            answers = list(pool.map(lambda _: get(port, "/console/read/events"), range(24)))
            page, other = get(port, "/"), get(port, "/nothing")

    assert {(200, b'{"events": []}')} == set(answers)
    assert page[1].startswith(b"<!doctype html>")
    assert (404, b'{"message":"Not Found"}') == other


def test_a_console_in_another_process_relays_the_events(connect):
    """`console --local` shows a callback as soon as the stack's own page does."""
    gateway = Gateway([CALLBACK], {"ReceiveFunction": lambda _: STORED})
    with take_port(0) as listener:
        stack = stack_of(listener.getsockname()[1])
        with (
            local_console(stack, gateway) as site,
            serve(listener, gateway.handle, before=site),
            served(chunks=live.Relay(stack).chunks) as client,
        ):
            reader = connect(client.base_url.port)
            post(stack.port, "/callbacks/token")
            assert reader.read_until(b'"subject": "c1"')


def test_a_relay_of_a_stack_that_is_gone_ends():
    """The browser connects again until the stack is back."""

    async def read(port):
        return [chunk async for chunk in live.Relay(stack_of(port)).chunks()]

    with take_port(0) as listener:
        port = listener.getsockname()[1]

    assert [] == asyncio.run(read(port))


def test_a_failing_function_reaches_no_page(feed):
    """The gateway answers 500 with open pages as it does without."""

    def fail(_event):
        raise FunctionFailed("broken")

    gateway = Gateway([CALLBACK], {"ReceiveFunction": fail}, [feed.watch])
    with take_port(0) as listener, serve(listener, gateway.handle):
        assert 500 == post(listener.getsockname()[1], "/callbacks/token")


def get(port, path):
    """Return status and body of an answer to the page."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        connection.request("GET", path, headers=own_headers(port))
        answer = connection.getresponse()
        return answer.status, answer.read()


def post(port, path):
    """Return the status of an answer to a callback."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        connection.request("POST", path, "{}", {"content-type": "application/json"})
        return connection.getresponse().status
