"""Callbacks that the local stack answered with 2xx survive SIGKILL of all its processes."""

import contextlib
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from local_process import Command, await_end, running
from tavus_callbacks_cli.local_stack.services.access_keys import authorization

pytestmark = [pytest.mark.stack, pytest.mark.slow]

CALLBACKS, PER_CONVERSATION, KILLS = 500, 5, 3
# One of RECORDINGS conversations has a recording, and one of LARGE bodies is stored as an object.
RECORDINGS, LARGE = 10, 12


@dataclass
class Load:
    """The callbacks in the order in which they are sent, and the answers by callback."""

    bodies: list[dict[str, Any]]
    answers: dict[int, dict[str, Any]] = field(default_factory=dict)

    def send(self, ready: dict[str, str], number: int) -> None:
        """Send a callback, after its recording if it announces one; the stack may be killed meanwhile."""
        body = self.bodies[number]
        with contextlib.suppress(httpx.HTTPError):
            if key := body["properties"].get("s3_key"):
                url = f"{ready['endpoint_url']}/{ready['recordings_bucket']}/{key}"
                headers = {"authorization": authorization(ready["aws_access_key_id"], "s3")}
                body["properties"]["bucket_name"] = ready["recordings_bucket"]
                httpx.put(
                    url, headers=headers, content=b"film", trust_env=False, timeout=30
                ).raise_for_status()
            answer = httpx.post(ready["callback_url"], json=body, trust_env=False, timeout=30)
            if answer.is_success:
                self.answers[number] = answer.json()

    def send_unanswered(self, ready: dict[str, str], stopped: threading.Event) -> None:
        """Send every callback that has no answer, eight at a time."""
        numbers = [number for number in range(len(self.bodies)) if number not in self.answers]
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda number: stopped.is_set() or self.send(ready, number), numbers))


def bodies(choice: random.Random) -> list[dict[str, Any]]:
    """Make the callbacks of conversations, in an order in which those of a conversation are apart."""
    callbacks = []
    for number in range(CALLBACKS):
        conversation, position = divmod(number, PER_CONVERSATION)
        body: dict[str, Any] = {
            "conversation_id": f"c{conversation}",
            "event_type": "system.shutdown",
            "timestamp": f"2026-11-29T10:{conversation % 60:02}:{position:02}Z",
            "properties": {"shutdown_reason": f"reason {number}"},
        }
        if number % LARGE == 0:
            body["properties"]["noise"] = choice.randbytes(8_000).hex()
        if position == 0 and conversation % RECORDINGS == 0:
            body["event_type"] = "application.recording_ready"
            body["properties"] = {
                "s3_key": f"tavus/c{conversation}/179517068{conversation:04}",
                "duration": 5,
            }
        callbacks.append(body)
    choice.shuffle(callbacks)
    return callbacks


def kill(command: Command, children_of: Callable[[int], set[int]], choice: random.Random) -> None:
    """Kill every process of the stack, in any order."""
    pids = sorted({command.process.pid, *children_of(command.process.pid)})
    choice.shuffle(pids)
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    command.process.wait()
    assert set() == await_end(set(pids))


def deny_events_table(ready: dict[str, str]) -> None:
    """Refuse the events table to the functions that store callbacks: they wait in the queue."""
    denied = dict.fromkeys(("ReceiveFunction", "DrainFunction"), ready["events_table"])
    headers = {"authorization": authorization(ready["aws_access_key_id"], "moto")}
    url = f"{ready['endpoint_url']}/moto-api/conduct"
    answer = httpx.put(url, headers=headers, json={"denied_tables": denied}, trust_env=False, timeout=30)
    answer.raise_for_status()


def send_until_killed(
    load: Load, command: Command, children_of: Callable[[int], set[int]], choice: random.Random
) -> None:
    """Send callbacks and kill the stack after a random number of answers; the last ones are spilled."""
    stopped = threading.Event()
    sender = threading.Thread(target=load.send_unanswered, args=(command.ready, stopped))
    before, wanted = len(load.answers), choice.randrange(60, 120)
    sender.start()
    while len(load.answers) < before + wanted - 30:
        time.sleep(0.002)
    deny_events_table(command.ready)
    while len(load.answers) < before + wanted:
        time.sleep(0.002)
    kill(command, children_of, choice)
    stopped.set()
    sender.join()


def pages(command: Command, path: str, name: str, **query: str) -> Iterator[dict[str, Any]]:
    """Yield the entries of a list, page by page, until a page is empty or the last one."""
    cursor: str | None = ""
    while cursor is not None:
        page = command.get(path, **query, **({"cursor": cursor} if cursor else {}))
        yield from page[name]
        cursor = page["cursor"] if page[name] else None


def until_none(missing: Callable[[], set[str]]) -> set[str]:
    """Wait until nothing is missing, or return what still is."""
    deadline = time.monotonic() + 60
    while (rest := missing()) and time.monotonic() < deadline:
        time.sleep(0.5)
    return rest


def lost(command: Command, path: str, member: str, ids: set[str]) -> set[str]:
    """Return the ids that a list lacks, after waiting for them."""
    return until_none(lambda: ids - {row[member] for row in pages(command, path, path[1:], limit="200")})


@pytest.mark.timeout(400)
def test_answered_callbacks_survive_three_kills(
    tmp_path: Path, port: int, children_of: Callable[[int], set[int]]
) -> None:
    """Every answered callback is in the lists, its recording is available, and repeated it is a duplicate.

    Only this test kills the embedded services, too, while callbacks are stored, spilled and summed up.
    """
    seed = time.time_ns()
    print(f"seed {seed}")  # noqa: T201 - pytest shows it when the test fails
    choice = random.Random(seed)  # noqa: S311 - it guards no secret
    load = Load(bodies(choice))
    for _ in range(KILLS):
        with running(tmp_path, port) as command:
            send_until_killed(load, command, children_of, choice)
    answered = dict(load.answers)

    with running(tmp_path, port) as command:
        lost_events = lost(command, "/events", "event_id", {each["event_id"] for each in answered.values()})
        conversations = {answer["subject"] for answer in answered.values()}
        lost_conversations = lost(command, "/conversations", "conversation_id", conversations)
        answered_bodies = [load.bodies[number] for number in answered]
        recorded = {body["conversation_id"] for body in answered_bodies if "s3_key" in body["properties"]}
        lost_recordings = until_none(
            lambda: {
                name
                for name in recorded
                if "available" not in str(command.get(f"/conversations/{name}/recordings"))
            }
        )
        load.answers.clear()
        load.send_unanswered(command.ready, threading.Event())

    assert (set(), set(), set()) == (lost_events, lost_conversations, lost_recordings)
    assert {"stored", "accepted"} <= {answer["status"] for answer in answered.values()}
    assert recorded
    assert CALLBACKS == len(load.answers)
    assert {"duplicate"} == {load.answers[number]["status"] for number in answered}
