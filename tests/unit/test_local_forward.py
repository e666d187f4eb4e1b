"""Forwarding posts each stored callback and reports the result."""

import json
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tavus_callbacks_cli.local_stack import forward
from tavus_callbacks_cli.local_stack.forward import run_forwarding, stored_event_id
from tavus_callbacks_cli.local_stack.http.gateway import Exchange
from tavus_callbacks_cli.local_stack.http.payload import Answer
from tavus_callbacks_cli.local_stack.http.routes import Route

Posts = list[tuple[dict[str, str], bytes]]


@contextmanager
def application(*statuses: int) -> Iterator[tuple[str, Posts]]:
    """Run an application that answers with the statuses in turn and records its requests."""
    posts: Posts = []
    answers = iter(statuses)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            posts.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(next(answers))
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_arguments: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/webhook", posts
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forward, "_PAUSES", (0.0, 0.0))


def forward_one(url: str) -> str:
    """Forward an event and return the report."""
    reports: queue.Queue[str] = queue.Queue()
    with run_forwarding(
        url, lambda event_id: event_id.encode(), lambda text, _style: reports.put(text)
    ) as put:
        put("e1")
        return reports.get(timeout=10)


def test_a_callback_is_posted_with_its_body_and_id() -> None:
    """The application gets the stored body as JSON, and can recognise repeats by the id."""
    with application(200) as (url, posts):
        report = forward_one(url)

    [(headers, body)] = posts
    assert report == "forwarded e1"
    assert body == b"e1"
    assert headers["content-type"] == "application/json"
    assert headers["x-tavus-callbacks-event-id"] == "e1"


def test_a_failing_application_is_tried_again() -> None:
    """Two failures are got over."""
    with application(500, 503, 204) as (url, posts):
        report = forward_one(url)

    assert report == "forwarded e1"
    assert len(posts) == 3


def test_after_three_tries_the_failure_is_told() -> None:
    """Attempts end, and the report says why."""
    with application(500, 500, 418, 200) as (url, posts):
        report = forward_one(url)

    assert report == "forward of e1 failed: it answered 418"
    assert len(posts) == 3


def test_an_application_that_is_not_there_is_told() -> None:
    """A refused connection is a failure like any other."""
    assert "forward of e1 failed: " in forward_one("http://127.0.0.1:1/webhook")


@pytest.mark.parametrize(
    ("expected", "key", "body"),
    [
        ("e1", "POST /callbacks/{token}", {"status": "stored", "event_id": "e1", "issues": []}),
        ("e1", "POST /callbacks/{token}/{rest+}", {"status": "stored", "event_id": "e1", "issues": []}),
        (None, "POST /callbacks/{token}", {"status": "duplicate", "event_id": "e1"}),
        (None, "POST /callbacks/{token}", {"status": 422}),
        (None, "POST /callbacks/{token}", ["stored"]),
        (None, "GET /events/{event_id}/body", {"status": "stored", "event_id": "e1", "issues": []}),
    ],
)
def test_only_what_was_kept_anew_goes_on(expected: str | None, key: str, body: Any) -> None:
    """A duplicate, a refusal and a read forward nothing."""
    method, path = key.split(" ")
    exchange = Exchange(Route(method, path, "F"), {}, Answer(200, (), json.dumps(body).encode()))

    assert expected == stored_event_id(exchange)
