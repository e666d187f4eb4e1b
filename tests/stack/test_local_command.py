"""`tavus-callbacks local` as a person runs it: a process, its output, its end."""

import json
import queue
import re
import signal
import stat
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from local_process import await_end, processor_seconds, running, start
from tavus_callbacks_cli.local_stack.http.server import take_port

pytestmark = pytest.mark.stack

BODY = {
    "event_type": "system.shutdown",
    "message_type": "system",
    "conversation_id": "c-local-command",
    "timestamp": "2025-07-11T06:48:37.564961Z",
    "properties": {"shutdown_reason": "participant_left_timeout"},
}
# Seconds of a processor. Times of a clock depend on what else runs.
MOST_TO_START = 7
Post = tuple[str | None, bytes, str]


@pytest.fixture
def application() -> Iterator[tuple[str, "queue.Queue[Post]"]]:
    """Run an application that callbacks are forwarded to."""
    posts: queue.Queue[Post] = queue.Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            posts.put((self.headers["X-Tavus-Callbacks-Event-Id"], body, self.path))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_arguments: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/webhook", posts
        server.shutdown()
        thread.join()


@pytest.mark.slow
def test_a_session_from_start_to_ctrl_c(
    tmp_path: Path,
    port: int,
    application: tuple[str, "queue.Queue[Post]"],
    children_of: Callable[[int], set[int]],
) -> None:
    """It says how to use it, shows and forwards each chosen callback at once; Ctrl-C leaves nothing."""
    variant = BODY | {"properties": {"shutdown_reason": "max_call_duration"}}
    url, posts = application
    filters = ("--forward-event-type", "system.shutdown", "--forward-tag", "user:4711")
    with running(tmp_path, port, "--forward", url, *filters) as command:
        began = time.monotonic()
        tagged = f"{command.ready['callback_url']}?user=4711"
        httpx.post(tagged, json=BODY | {"event_type": "system.replica_joined"})
        httpx.post(command.ready["callback_url"], json=BODY | {"conversation_id": "c-untagged"})
        stored = httpx.post(tagged, json=BODY).json()
        httpx.post(tagged, json=BODY)
        httpx.post(tagged, json=variant)
        httpx.post(command.ready["callback_url"], content=b"\x1b[31m")
        httpx.post(f"{command.ready['api_url']}/callbacks/wrong", json=BODY)
        forwarded = [posts.get(timeout=20) for _ in range(2)]
        seconds_to_forward = time.monotonic() - began
        mode = stat.S_IMODE(command.ready_file.stat().st_mode)
        children = children_of(command.process.pid)
        command.process.send_signal(signal.SIGINT)
        output, errors = command.process.communicate(timeout=20)

    assert command.process.returncode == 0
    assert errors.startswith("Starting the stack of template.yaml …\n")
    assert errors.endswith("\nStopping …\n")
    assert len(children) >= 3
    assert await_end(children) == set()
    assert mode == 0o600
    assert command.ready.keys() >= {"api_url", "callback_url", "read_token", "endpoint_url", "events_table"}
    assert [json.loads(body) for _, body, _ in forwarded] == [BODY, variant]
    assert [path for _, _, path in forwarded] == ["/webhook?user=4711"] * 2
    # Without the wake-up it would look after five seconds.
    assert seconds_to_forward < 4
    assert forwarded[0][0] == stored["event_id"]
    assert str(forwarded[1][0]).startswith(f"{stored['event_id']}-v")
    assert posts.empty()
    assert f"callback  {command.ready['callback_url']}\n" in output
    assert f"export CALLBACK_URL='{command.ready['callback_url']}' API_URL=" in output
    assert "\x1b" not in output
    outcomes = [line.split()[-1] for line in output.splitlines() if "c-local-command" in line]
    assert [outcome for outcome in outcomes if outcome in ("stored", "duplicate")] == ["stored", "duplicate"]
    assert re.search(r"\d\d system\.shutdown +c-local-command:[0-9a-f]{8} +204 +\d+ ms\n", output)
    assert "refused  400  " in output
    assert "refused  401  " in output


@pytest.mark.slow
def test_a_kill_loses_neither_data_nor_url_and_leaves_nothing_running(
    tmp_path: Path, port: int, children_of: Callable[[int], set[int]]
) -> None:
    """After SIGKILL the children end by themselves, and the next start has the callback."""
    with running(tmp_path, port) as first:
        httpx.post(first.ready["callback_url"], json=BODY)
        children = children_of(first.process.pid)
        seconds_to_start = processor_seconds(first.process.pid, *children)
        first.process.kill()
        left = await_end(children)
    with running(tmp_path, port) as second:
        again = httpx.post(second.ready["callback_url"], json=BODY).json()
        second.process.send_signal(signal.SIGTERM)
        second.process.communicate(timeout=20)

    assert left == set()
    assert second.ready["callback_url"] == first.ready["callback_url"]
    assert again["status"] == "duplicate"
    assert second.process.returncode == 0
    assert seconds_to_start < MOST_TO_START


def test_a_taken_port_is_one_line(tmp_path: Path) -> None:
    """The error names the option that helps, and nothing is made."""
    with take_port(0) as listener:
        process = start(tmp_path, listener.getsockname()[1])
        output, errors = process.communicate(timeout=20)

    assert (process.returncode, output) == (1, "")
    assert re.search(
        r"\nError: Port \d+ is taken by another program\. .*--port 0 for a free one\.\n$", errors
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("option", "url", "advice"),
    [
        ("--forward", "ftp://files.example/x", "Use http://HOST/PATH or https://HOST/PATH."),
        ("--public-url", "tunnel.example", "Use the address of your tunnel"),
    ],
)
def test_an_address_must_be_http(tmp_path: Path, port: int, option: str, url: str, advice: str) -> None:
    """Any other scheme is refused before anything starts."""
    process = start(tmp_path, port, option, url)
    _, errors = process.communicate(timeout=20)

    assert process.returncode == 2
    assert advice in errors
    assert list(tmp_path.iterdir()) == []
