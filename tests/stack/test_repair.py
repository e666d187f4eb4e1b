"""Repairing on a running local stack: backfill and replay as typed, and the schedule in a hurry."""

import contextlib
import json
import secrets
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result

from local_process import CLI
from tavus_callbacks.outbound import tavus_api
from tavus_callbacks_cli.local_stack import stack
from tavus_callbacks_cli.local_stack.behaviour import MODES
from tavus_callbacks_cli.local_stack.http.payload import Answer, Request
from tavus_callbacks_cli.local_stack.http.server import serve, take_port
from tavus_callbacks_cli.local_stack.loopback import HOST
from tavus_callbacks_cli.local_stack.registry import RunningStack, register
from tavus_callbacks_cli.local_stack.state import open_state
from tavus_callbacks_cli.local_stack.tavus_api import (
    CALLBACKS_PATH,
    KEY,
    KEY_HEADER,
    StandIn,
    serve_stand_in,
)
from tavus_callbacks_cli.main import main

pytestmark = [pytest.mark.stack, pytest.mark.slow]

LOST = "application.transcription_ready"


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set a key and an address that no command on the local stack may use."""
    monkeypatch.setenv("TAVUS_API_KEY", "a-real-key")
    monkeypatch.setenv("TAVUS_API_URL", "http://[")


@pytest.fixture
def found(
    local_stack: RunningStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[RunningStack]:
    """Let `--local` find this stack and no other of this machine."""
    monkeypatch.setenv("TAVUS_CALLBACKS_STATE", str(tmp_path))
    with register(open_state(tmp_path, local_stack.port, fresh=False), local_stack):
        yield local_stack


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningStack]:
    """Run a stack in which no other test has left anything."""
    monkeypatch.setenv("TAVUS_CALLBACKS_STATE", str(tmp_path))
    with stack.local_stack(stack.Options(port=0, state_root=tmp_path)) as made:
        yield made.running


def run(*arguments: str, code: int = 0) -> Result:
    """Run a command on the local stack."""
    result = CliRunner().invoke(main, [*arguments, "--local"])
    assert code == result.exit_code, result.output
    return result


def answered(*arguments: str, code: int = 0) -> Any:
    """Return what a command with `--json` printed."""
    return json.loads(run(*arguments, "--json", code=code).stdout)


def simulated(*lost: str) -> str:
    """Simulate a conversation of which some callbacks are lost, and return its id."""
    options = [part for one in lost for part in ("--lose", one)]
    return str(answered("simulate", "conversation", *options)["callbacks"][0]["answer"]["subject"])


def conversation(running: RunningStack, name: str) -> Any:
    """Read a conversation."""
    headers = {"authorization": f"Bearer {running.read_token}"}
    return httpx.get(f"{running.api_url}/conversations/{name}", headers=headers).json()


def test_a_lost_callback_is_shown_and_fetched(found: RunningStack) -> None:
    """A dry run says what is missing and files nothing; then it is filed, once."""
    name = simulated(LOST)

    [tried] = answered("backfill", name, "--dry-run")["conversations"]
    assert ("missing", None) == (tried["outcome"], conversation(found, name)["transcript"])
    [filed] = answered("backfill", name)["conversations"]
    [again] = answered("backfill", name)["conversations"]

    assert ("filed", tried["events"], True) == (filed["outcome"], filed["events"], filed["confirmed"])
    assert ("complete", []) == (again["outcome"], again["events"])
    read = conversation(found, name)
    assert (True, 7, ["backfill", "callback"]) == (
        read["confirmed"],
        read["transcript"]["turns"],
        read["received_from"],
    )


def test_since_reads_the_list_and_leaves_out_what_is_not_ours(alone: RunningStack) -> None:
    """A stack beside this one has its own conversations; --all reads them too."""
    name, other = simulated(LOST), f"c{secrets.token_hex(6)}"
    at = datetime.now(UTC).isoformat()
    shutdown = {"event_type": "system.shutdown", "conversation_id": other, "timestamp": at, "properties": {}}
    body = {**shutdown, "webhook_url": "https://else.example.com/hook?t=1"}
    url = f"{alone.outputs['TavusApiUrl']}{CALLBACKS_PATH}"
    httpx.post(url, json=body, headers={KEY_HEADER: KEY}).raise_for_status()

    ours = run("backfill", "--since", "1h")
    everything = answered("backfill", "--since", "1h", "--all")["conversations"]

    assert name in ours.stdout
    assert other not in ours.stdout
    assert "with a callback_url elsewhere are left out" in ours.stderr
    assert [other] == [one["conversation_id"] for one in everything if one["outcome"] == "filed"]
    assert (
        []
        == answered("backfill", "--since", (datetime.now(UTC) + timedelta(hours=1)).isoformat())[
            "conversations"
        ]
    )


def test_a_listing_that_may_be_incomplete_ends_with_1(
    found: RunningStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The findings are stored all the same; the command says why more may be missing, and what to do."""
    assert found
    name, tavus = simulated(), StandIn("key")
    tavus.learn({"event_type": "system.shutdown", "conversation_id": name, "properties": {}})
    monkeypatch.setenv("TAVUS_API_KEY", "key")

    def miscounting(request: Request) -> Answer:
        answer = tavus.handle(request)
        return replace(answer, body=answer.body.replace(b'"total_count": 1', b'"total_count": 2'))

    with take_port(0) as listener, serve(listener, miscounting):
        monkeypatch.setenv("TAVUS_API_URL", f"http://{HOST}:{listener.getsockname()[1]}")
        result = run("backfill", "--since", "1h", "--tavus", "--json", code=1)

    answer, doubt = json.loads(result.stdout), "Tavus counts 2 conversations, but its pages show 1."
    assert [name] == [one["conversation_id"] for one in answer["conversations"]]
    assert {
        "complete": False,
        "conversations": 1,
        "total_count": 2,
        "passes": 4,
        "doubt": doubt,
    } == answer["listing"]
    assert f"{doubt} Conversations may be missing. Run the command again" in result.stderr


def test_a_listing_that_is_complete_says_so(alone: RunningStack) -> None:
    """`listing` is null where one conversation is named, for no list is read then."""
    assert alone
    name = simulated()

    listed, named = answered("backfill", "--since", "1h"), answered("backfill", name)

    assert (True, None) == (listed["listing"]["complete"], named["listing"])


def test_what_tavus_does_not_know_ends_with_1(found: RunningStack) -> None:
    """It is said plainly, and nothing is filed."""
    assert found
    [outcome] = answered("backfill", "c-unknown", code=1)["conversations"]

    assert "unknown" == outcome["outcome"]
    assert "no such conversation" in outcome["reason"]


@pytest.mark.parametrize(("mode", "words"), [("401", "refused the key"), ("500", "answered 500")])
def test_a_refusal_says_what_to_do_and_hides_the_key(
    found: RunningStack, monkeypatch: pytest.MonkeyPatch, mode: str, words: str
) -> None:
    """--tavus asks Tavus with the key of the environment; here Tavus is a stand-in that misbehaves."""
    monkeypatch.setattr(tavus_api, "_PAUSES", (0.01, 0.01))
    monkeypatch.setenv("TAVUS_API_KEY", "canary-key")
    with serve_stand_in(StandIn("canary-key", MODES[mode])) as url:
        monkeypatch.setenv("TAVUS_API_URL", url)
        one = run("backfill", simulated(), "--tavus", code=1)
        many = run("backfill", "--since", "1h", "--tavus", code=1)

    assert words in one.stderr
    assert words in many.stderr
    assert "canary-key" not in one.output + many.output
    assert found


@contextlib.contextmanager
def hook(status: int = 200) -> Iterator[tuple[str, list[Request]]]:
    """Run somebody's own server; yield its URL and what it was sent."""
    taken: list[Request] = []

    def take(request: Request) -> Answer:
        taken.append(request)
        return Answer(status, (), b"")

    with take_port(0) as listener, serve(listener, take):
        yield f"http://{HOST}:{listener.getsockname()[1]}/hook?secret=canary", taken


def test_a_replay_posts_the_kept_bodies_in_order_of_receipt(found: RunningStack) -> None:
    """Each once, the bytes that were kept, marked as a replay and named by its event."""
    name = simulated()
    with hook() as (url, taken):
        tried = answered("replay", name, "--to", url, "--dry-run")["events"]
        assert [] == taken
        result = run("replay", name, "--to", url, "--json")
    posted = json.loads(result.stdout)["events"]

    assert ["would be posted"] * 6 == [one["outcome"] for one in tried]
    assert [(one["event_id"], "taken", 200) for one in tried] == [
        (one["event_id"], one["outcome"], one["status_code"]) for one in posted
    ]
    assert sorted(one["received_at"] for one in posted) == [one["received_at"] for one in posted]
    headers = [dict(one.headers) for one in taken]
    assert [one["event_id"].encode() for one in posted] == [
        one[b"x-tavus-callbacks-event-id"] for one in headers
    ]
    assert {b"true"} == {one[b"x-tavus-callbacks-replay"] for one in headers}
    assert not any(b"authorization" in one for one in headers)
    read = {"authorization": f"Bearer {found.read_token}"}
    kept = httpx.get(f"{found.api_url}/events/{posted[0]['event_id']}/body", headers=read)
    assert (kept.content, b"secret=canary&simulated=true") == (taken[0].body, taken[0].query)
    assert "canary" not in result.output


def test_a_replay_that_is_refused_goes_on_and_ends_with_1(found: RunningStack) -> None:
    """Every refusal is said; nothing is left out in silence."""
    assert found
    name = simulated()
    with hook(500) as (url, taken):
        events = answered("replay", name, "--to", url, code=1)["events"]

    assert [("refused", 500)] * 6 == [(one["outcome"], one["status_code"]) for one in events]
    assert 6 == len(taken)


def test_a_replay_that_nobody_answers_stops(found: RunningStack) -> None:
    """Three events in a row without an answer end it, and the rest is named as not posted."""
    assert found
    with take_port(0) as closed:
        url = f"http://{HOST}:{closed.getsockname()[1]}/"
    events = answered("replay", simulated(), "--to", url, code=1)["events"]

    assert [*["no answer"] * 3, *["not posted"] * 3] == [one["outcome"] for one in events]


def test_a_replay_of_nothing_is_an_error(found: RunningStack) -> None:
    """An unknown id, and a malformed address."""
    assert found
    assert "No event of conversation" in run("replay", "c-none", "--to", "http://localhost:1", code=1).stderr
    assert "http://HOST/PATH" in run("replay", "c-none", "--to", "ftp://x", code=2).stderr


def test_a_replay_into_the_stack_itself_is_a_duplicate(found: RunningStack) -> None:
    """Stored events stay unchanged."""
    name = simulated()
    before = conversation(found, name)

    answered("replay", name, "--to", found.callback_url)

    assert before == conversation(found, name)


def test_forward_delivers_what_was_missed_and_what_arrives(found: RunningStack) -> None:
    """In a process of its own: the first event was stored before, the second comes after; Ctrl-C is quiet."""
    user = secrets.token_hex(4)
    store(found, user, "c-missed")
    with hook() as (url, taken):
        options = ("--local", "--since", "1m", "--tag", f"user:{user}", "--to", url)
        process = subprocess.Popen(  # noqa: S603 - our own command
            [*CLI, "forward", *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        wait_until(lambda: len(taken) == 1)
        store(found, user, "c-arrives")
        wait_until(lambda: len(taken) == 2)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=20)

    assert 0 == process.returncode
    assert ["c-missed", "c-arrives"] == [json.loads(one.body)["conversation_id"] for one in taken]
    assert {f"secret=canary&user={user}".encode()} == {one.query for one in taken}
    lines = [line.split() for line in output.splitlines()]
    assert [["c-missed", "200", "ms"], ["c-arrives", "200", "ms"]] == [
        [line[2].partition(":")[0], line[3], line[5]] for line in lines
    ]
    assert errors.endswith("waiting for events, Ctrl-C to stop\n2 taken, 0 not taken\n")
    assert "canary" not in output + errors


def store(running: RunningStack, user: str, name: str) -> None:
    """Post a callback with the tag of a user."""
    content = {"event_type": "system.shutdown", "message_type": "system", "conversation_id": name}
    httpx.post(f"{running.callback_url}?user={user}", json=content).raise_for_status()


def wait_until(is_so: Callable[[], bool]) -> None:
    """Wait up to twenty seconds."""
    deadline = time.monotonic() + 20
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert is_so()


@pytest.mark.slow
def test_in_a_hurry_the_schedule_fetches_what_was_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`local --hurry`: nobody types anything, and the lost callback is there."""
    monkeypatch.setenv("TAVUS_CALLBACKS_STATE", str(tmp_path))
    with stack.local_stack(stack.Options(port=0, state_root=tmp_path, hurry=True)) as hurried:
        failures: list[tuple[str, str]] = []
        hurried.functions.watchers.append(lambda *failure: failures.append(failure))
        name = simulated(LOST)
        deadline = time.monotonic() + 90
        while conversation(hurried.running, name)["missing"] and time.monotonic() < deadline:
            threading.Event().wait(0.5)

        read = conversation(hurried.running, name)
        assert ([], "ended", True) == (read["missing"], read["status"], read["confirmed"])
        assert [] == failures
