"""`recording` on a running local stack: list, link and download through the real API and CDN."""

import json
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result

from tavus_callbacks_cli.local_stack.account import isolated_session
from tavus_callbacks_cli.local_stack.registry import RunningStack, register
from tavus_callbacks_cli.local_stack.state import open_state
from tavus_callbacks_cli.main import main
from tavus_callbacks_cli.simulator.recording import await_link
from tavus_callbacks_cli.targets.choose import LocalTarget

pytestmark = [pytest.mark.stack, pytest.mark.slow]

CONTENT = bytes(range(256)) * 2000


@pytest.fixture(autouse=True)
def _found(local_stack: RunningStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let `--local` find only this stack."""
    monkeypatch.setenv("TAVUS_CALLBACKS_STATE", str(tmp_path))
    with register(open_state(tmp_path, local_stack.port, fresh=False), local_stack):
        yield


@pytest.fixture
def conversation_id() -> str:
    """Return a conversation id of the test's own."""
    return f"c{secrets.token_hex(6)}"


def run(*arguments: str) -> Result:
    """Run the command on the local stack."""
    return CliRunner().invoke(main, ["recording", *arguments, "--local"])


def announce(stack: RunningStack, conversation_id: str) -> str:
    """Announce that a recording is ready and return its key."""
    key = f"tavus/{conversation_id}/1762000000000"
    claim = {"bucket_name": stack.outputs["RecordingsBucketName"], "s3_key": key, "duration": 62}
    body = {
        "event_type": "application.recording_ready",
        "conversation_id": conversation_id,
        "timestamp": "2027-03-01T12:00:00Z",
        "properties": claim,
    }
    httpx.post(stack.callback_url, json=body).raise_for_status()
    return key


def put(stack: RunningStack, key: str) -> None:
    """Put the object of a recording, without suffix and type, as Tavus may."""
    s3 = isolated_session(stack.aws_access_key_id).client("s3", endpoint_url=stack.endpoint_url)
    s3.put_object(Bucket=stack.outputs["RecordingsBucketName"], Key=key, Body=CONTENT)


def awaited(conversation_id: str, status: str) -> dict[str, Any]:
    """Return the answer of the command once the recording is announced and has a status.

    The object can be seen before the callback is: each has a trigger of its own.
    """
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        result = run(conversation_id, "--json")
        answered: dict[str, Any] = json.loads(result.stdout) if result.exit_code == 0 else {}
        recordings = answered.get("recordings", [])
        if [(status, True)] == [(each["status"], each["announced"]) for each in recordings]:
            return answered
        time.sleep(0.1)
    raise AssertionError(result.output)


@pytest.fixture
def available(local_stack: RunningStack, conversation_id: str) -> str:
    """Make a recording that can be played and return its conversation."""
    put(local_stack, announce(local_stack, conversation_id))
    awaited(conversation_id, "available")
    return conversation_id


def test_a_recording_is_pending_and_then_available(local_stack, conversation_id):
    """An announced recording has a reason in place of a link; once its object is there, the link plays."""
    key = announce(local_stack, conversation_id)
    pending = awaited(conversation_id, "pending")
    refused = run(conversation_id, "--url")

    put(local_stack, key)
    available = awaited(conversation_id, "available")

    assert pending["link"] is None
    assert (1, "") == (refused.exit_code, refused.stdout)
    assert "409: A callback announced the recording, but its object has not arrived." in refused.stderr
    assert (len(CONTENT), True) == tuple(available["recordings"][0][name] for name in ("size", "announced"))
    assert CONTENT == httpx.get(available["link"]["url"]).content


def test_people_see_a_table_and_a_link(available):
    """The table has id, status, size and duration, and the link is below."""
    result = run(available)

    head, row, _, link = result.stdout.splitlines()
    assert "recording id" == head[:12]
    assert ["1762000000000", "available", "500.0", "KB", "1:02"] == row.split()[:5]
    assert CONTENT == httpx.get(link).content


def test_a_recording_is_saved_and_goes_on_where_it_was(available, tmp_path):
    """The download uses the CDN's own ranges and ETags."""
    file = tmp_path / "call.mp4"
    assert 0 == run(available, "--download", str(file)).exit_code
    etag = httpx.get(run(available, "--url").stdout.strip()).headers["etag"]
    (tmp_path / "call.mp4.part").write_bytes(CONTENT[:300_000])
    (tmp_path / "call.mp4.part.etag").write_text(etag)

    result = run(available, "--download", str(file), "--force", "--json")

    assert len(CONTENT) == json.loads(result.stdout)["size"]
    assert CONTENT == file.read_bytes()


def test_part_of_another_object_starts_over(available, tmp_path):
    """The CDN answers a range under an old ETag with the whole object."""
    (tmp_path / "call.mp4.part").write_bytes(b"of another recording")
    (tmp_path / "call.mp4.part.etag").write_text('"another"')

    run(available, "--download", str(tmp_path / "call.mp4"))

    assert CONTENT == (tmp_path / "call.mp4").read_bytes()


def test_a_url_and_a_read_token_are_enough(available, local_stack, monkeypatch):
    """It works without --local and without AWS."""
    monkeypatch.setenv("TAVUS_CALLBACKS_URL", local_stack.api_url)
    monkeypatch.setenv("TAVUS_CALLBACKS_READ_TOKEN", local_stack.read_token)

    result = CliRunner().invoke(main, ["recording", available, "--url"])

    assert 0 == result.exit_code, result.output
    assert CONTENT == httpx.get(result.stdout.strip()).content


def test_nothing_recorded_says_what_to_do(local_stack, conversation_id):
    """A conversation without a recording and an unknown id have different answers."""
    httpx.post(
        local_stack.callback_url, json={"conversation_id": conversation_id, "event_type": "system.shutdown"}
    ).raise_for_status()

    without, unknown = run(conversation_id), run("cnever")

    assert [(1, "")] * 2 == [(each.exit_code, each.stdout) for each in (without, unknown)]
    assert "tavus-callbacks connect" in without.stderr
    assert "tavus-callbacks list" in unknown.stderr


def test_a_simulated_recording_lies_in_the_bucket_of_the_local_stack(local_stack):
    """The first demonstration shows no recording in a bucket that nobody can read."""
    sent = CliRunner().invoke(main, ["simulate", "conversation", "--local", "--json"])
    subject = json.loads(sent.stdout)["callbacks"][0]["answer"]["subject"]

    with LocalTarget(local_stack).open_api("read") as api:
        link = await_link(subject, api)

    assert 200 == httpx.head(link, trust_env=False).status_code


def test_what_a_simulation_tells_to_run_next_runs_on_the_same_stack(local_stack):
    """The printed command names the port, so it cannot reach another stack."""
    sent = CliRunner().invoke(main, ["simulate", "recording", "--local", "--port", str(local_stack.port)])
    lines = dict(line.split(": ", 1) for line in sent.stderr.splitlines() if ": tavus-callbacks " in line)

    # A test opens no browser.
    results = {
        name: CliRunner().invoke(main, line.replace("--open", "--url").split()[1:])
        for name, line in lines.items()
    }

    assert all(line.endswith(f"--local --port {local_stack.port}") for line in lines.values())
    assert {"Next": (0, ""), "Watch it": (0, ""), "Subtitles": (0, "")} == {
        name: (result.exit_code, result.stderr.partition("Error")[2]) for name, result in results.items()
    }
    assert results["Subtitles"].stdout.startswith("WEBVTT")
