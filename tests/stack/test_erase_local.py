"""Erasure and export on a running local stack, over real HTTP, queues, streams and buckets."""

import base64
import contextlib
import json
import random
import re
import shutil
import sqlite3
import time
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from tavus_callbacks_cli.erasure import snapshots
from tavus_callbacks_cli.local_stack import stack
from tavus_callbacks_cli.local_stack.account import isolated_session
from tavus_callbacks_cli.local_stack.registry import RunningStack, register
from tavus_callbacks_cli.local_stack.state import open_state
from tavus_callbacks_cli.main import main

pytestmark = [pytest.mark.stack, pytest.mark.slow]


@pytest.fixture(autouse=True)
def _found(local_stack: RunningStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let `--local` find only this stack."""
    monkeypatch.setenv("TAVUS_CALLBACKS_STATE", str(tmp_path))
    with register(open_state(tmp_path, local_stack.port, fresh=False), local_stack):
        yield


def run(*arguments: str) -> dict[str, object]:
    """Run a command on the local stack and return its answer."""
    result = CliRunner().invoke(main, [*arguments, "--local", "--json"])
    assert 0 == result.exit_code, result.output
    content: dict[str, object] = json.loads(result.stdout)
    return content


def test_a_recorded_conversation_is_exported_and_then_erased(
    local_stack: RunningStack, tmp_path: Path
) -> None:
    """The zip has its recording; then nothing of it is left, and late callbacks are dropped."""
    sent = CliRunner().invoke(main, ["simulate", "recording", "--local", "--json"])
    conversation = json.loads(sent.stdout)["callbacks"][0]["answer"]["subject"]
    await_recording(local_stack, conversation)

    run("export", conversation, "--to", str(tmp_path / "c.zip"))
    receipt = run("erase", "conversation", conversation, "--yes")

    with zipfile.ZipFile(tmp_path / "c.zip") as archive:
        assert [name for name in archive.namelist() if name.endswith(".mp4")]
    assert receipt["counts"]["recordings bucket"] >= 1
    late = {
        "conversation_id": conversation,
        "event_type": "system.shutdown",
        "timestamp": "2027-03-01T12:00:00Z",
    }
    assert 200 == httpx.post(local_stack.callback_url, json=late).status_code
    s3 = isolated_session(local_stack.aws_access_key_id).client("s3", endpoint_url=local_stack.endpoint_url)
    bucket = local_stack.outputs["RecordingsBucketName"]
    s3.put_object(Bucket=bucket, Key=f"tavus/{conversation}/late", Body=b"late")
    until(lambda: left(local_stack, s3, conversation) == [])


def test_no_file_holds_what_was_erased(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the command, older data are gone and no file of the state folder contains the canary."""
    canary, conversation, root = "tangerine-4712", "csnapshot", tmp_path / "own"
    with stack.local_stack(stack.Options(port=0, state_root=root)) as local:
        monkeypatch.setenv("TAVUS_CALLBACKS_STATE", str(root))
        post_canary(local.running, conversation, canary)
        aside = local.state.folder / "data-20270301-120000"
        shutil.copytree(local.state.data, aside)

        assert {"stack.sqlite3-wal", *names(local.state.data, "*.object")} <= files_with(
            local.state.data, canary
        )
        planned = run("erase", "conversation", conversation, "--dry-run")
        receipt = run("erase", "conversation", conversation, "--yes")
        left = files_with(local.state.folder, canary, f"conversation#{conversation}")

    assert [aside.name] == planned["erased"]["snapshots"] == receipt["erased"]["snapshots"]
    assert not aside.exists()
    assert set() == left


def test_a_file_that_is_in_use_is_left_in_the_receipt(
    local_stack: RunningStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the stack's file cannot be rewritten in time, the receipt names it and the exit code is 1."""
    monkeypatch.setattr(snapshots, "_PATIENCE", 0)
    [path] = Path(local_stack.state_folder).glob("data/stack.sqlite3")
    with contextlib.closing(sqlite3.connect(path)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT COUNT(*) FROM entries").fetchall()
        result = CliRunner().invoke(main, ["erase", "conversation", "cnone", "--yes", "--local", "--json"])

    assert 1 == result.exit_code
    assert ["snapshots"] == [each["store"] for each in json.loads(result.stdout)["left"]]


def post_canary(running: RunningStack, conversation: str, canary: str) -> None:
    """Post a stored callback, a large one, and one for quarantine, all with a canary."""
    event = {"conversation_id": conversation, "event_type": "system.shutdown", "said": canary}
    noise = random.Random(canary).randbytes(400_000).hex()  # noqa: S311 - fills a body, guards no secret
    for body in (event, {**event, "event_type": "application.x", "noise": noise}, [conversation, canary]):
        httpx.post(running.callback_url, json=body)


def files_with(folder: Path, *needles: str) -> set[str]:
    """Return the names of files below a folder that contain a text, with packed bodies inflated."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {path.name for path in paths if any(needle in text(path) for needle in needles)}


def names(folder: Path, pattern: str) -> set[str]:
    """Return the names of the files that match a pattern."""
    return {path.name for path in folder.glob(pattern)}


def text(path: Path) -> str:
    """Return a file's content, and every binary value in it, decoded and inflated."""
    raw = path.read_bytes()
    packed = [base64.b64decode(match) for match in re.findall(rb'"B": ?"([A-Za-z0-9+/=]+)"', raw)]
    return b" ".join([raw, *packed, *map(inflated, (raw, *packed))]).decode(errors="replace")


def inflated(raw: bytes) -> bytes:
    """Return the inflated bytes, or nothing."""
    try:
        return zlib.decompress(raw)
    except zlib.error:
        return b""


def await_recording(stack: RunningStack, conversation: str) -> None:
    """Wait until a recording can be played."""
    path = f"{stack.api_url}/conversations/{conversation}/recordings"
    headers = {"authorization": f"Bearer {stack.read_token}"}
    until(lambda: "available" in httpx.get(path, headers=headers).text)


def left(stack: RunningStack, s3: object, conversation: str) -> list[object]:
    """Return everything that is left of a conversation in the table and in the buckets."""
    table = isolated_session(stack.aws_access_key_id).resource("dynamodb", endpoint_url=stack.endpoint_url)
    query = {
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": {":pk": f"conversation#{conversation}"},
    }
    rows = list(table.Table(stack.outputs["EventsTableName"]).query(**query)["Items"])
    bucket = stack.outputs["RecordingsBucketName"]
    listed = s3.list_object_versions(Bucket=bucket, Prefix=f"tavus/{conversation}/")
    return [*rows, *listed.get("Versions", ()), *listed.get("DeleteMarkers", ())]


def until(is_so: object) -> None:
    """Wait until a condition holds, as long as the slowest machine may take."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if is_so():
            return
        time.sleep(0.3)
    raise AssertionError("it did not come about")
