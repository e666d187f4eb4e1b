"""A local stack with 20,000 events still answers at once."""

import json
import os
import resource
import signal
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from local_process import CLI, Command, processor_seconds, running
from planting_journal import plant
from tavus_callbacks.domain.common.timestamps import iso
from tavus_callbacks_cli.local_stack.template.template import load_template

ROOT = Path(__file__).resolve().parents[2]
CONVERSATIONS, NEW = 4_000, 300
# Seconds of a processor. Times of a clock depend on what else runs.
MOST_FOR_A_PAGE, MOST_FOR_STATS, MOST_FOR_NEW, MOST_TO_START = 0.15, 10, 8, 8
# With the posting itself. A slow sender leaves little to do after the last answer.
MOST_FOR_POSTING_AND_NEW = 20

pytestmark = [
    pytest.mark.stack,
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads the time of other processes"),
]


@dataclass(frozen=True)
class Measured:
    """A running stack, and its processes."""

    command: Command
    children_of: Callable[[int], set[int]]

    def seconds(self) -> float:
        """Return the processor time of all processes of the stack."""
        pid = self.command.process.pid
        return processor_seconds(pid, *self.children_of(pid))

    def embedded_seconds(self) -> float:
        """Return the processor time of the embedded services."""
        children = self.children_of(self.command.process.pid)
        return processor_seconds(*(pid for pid in children if b"moto_server" in arguments(pid)))

    def page_seconds(self, path: str) -> float:
        """Return the processor time that the embedded services need for a page, after a first one."""
        self.command.get(path)
        before = self.embedded_seconds()
        for _ in range(5):
            self.command.get(path)
        return (self.embedded_seconds() - before) / 5


def arguments(pid: int) -> bytes:
    """Return the command line of a process."""
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def post_at_once(ready: dict[str, str]) -> None:
    """Send the first callback of many conversations, as many at a time as the stack takes."""

    def post(number: int) -> None:
        body = {"conversation_id": f"new-{number}", "event_type": "system.replica_joined", "properties": {}}
        answer = httpx.post(ready["callback_url"], json=body, trust_env=False, timeout=60)
        assert "stored" == answer.json()["status"]

    with ThreadPoolExecutor(32) as threads:
        list(threads.map(post, range(NEW)))


def stats_seconds(stack: Measured, state: Path) -> float:
    """Return the processor time of the command `stats`, in its own process and in the stack's."""
    before = stack.seconds() + _seconds_of_commands()
    done = subprocess.run(  # noqa: S603 - our own command
        [*CLI, "stats", "--local", "--since", "2026-10-01", "--json"],
        env={**os.environ, "TAVUS_CALLBACKS_STATE": str(state)},
        check=True,
        capture_output=True,
        text=True,
    )
    assert CONVERSATIONS == json.loads(done.stdout)["total"]["conversations"]
    return stack.seconds() + _seconds_of_commands() - before


def _seconds_of_commands() -> float:
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return ended.ru_utime + ended.ru_stime


def end_of_events(command: Command) -> str:
    """Return the cursor after every event."""
    page = command.get("/events", limit="200", after=_minutes_ago(5))
    while page["events"]:
        page = command.get("/events", limit="200", after=page["cursor"])
    return str(page["cursor"])


def _minutes_ago(minutes: int) -> str:
    return iso(datetime.now(UTC) - timedelta(minutes=minutes))


def await_listing(command: Command) -> None:
    """Wait until every new conversation is in the list."""
    deadline = time.monotonic() + 90
    since, count = _minutes_ago(5), 0
    while count < NEW and time.monotonic() < deadline:
        time.sleep(0.5)
        count = command.get("/stats", since=since)["total"]["conversations"]
    assert NEW == count


@pytest.mark.timeout(300)
def test_twenty_thousand_events_slow_nothing_down(
    tmp_path: Path, port: int, children_of: Callable[[int], set[int]], capsys: pytest.CaptureFixture[str]
) -> None:
    """Pages, polls, figures, a burst of new conversations and the start stay within their processor time.

    Only a whole stack has the tables, streams, functions and requests that share the processor.
    """
    table = load_template(ROOT / "template.yaml", {}).outputs["EventsTableName"]
    plant(tmp_path / str(port) / "data", table, CONVERSATIONS)
    with running(tmp_path, port) as command:
        stack = Measured(command, children_of)
        figures = {"start": stack.embedded_seconds()}
        figures["list"] = stack.page_seconds("/conversations?limit=50")
        figures["stats"] = stats_seconds(stack, tmp_path)
        before = stack.seconds()
        post_at_once(command.ready)
        posted = stack.seconds()
        await_listing(command)
        figures["posting"], figures["listing"] = posted - before, stack.seconds() - posted
        figures["poll"] = stack.page_seconds(f"/events?after={end_of_events(command)}")
        ended = time.monotonic()
        command.process.send_signal(signal.SIGINT)
        command.process.wait(30)
        figures["stop"] = time.monotonic() - ended
    with capsys.disabled():
        print(figures)  # noqa: T201 - the figures of docs/local-stack.md

    assert MOST_TO_START >= figures["start"]
    assert MOST_FOR_A_PAGE >= figures["list"]
    assert MOST_FOR_A_PAGE >= figures["poll"]
    assert MOST_FOR_STATS >= figures["stats"]
    assert MOST_FOR_NEW >= figures["listing"]
    assert MOST_FOR_POSTING_AND_NEW >= figures["posting"] + figures["listing"]
