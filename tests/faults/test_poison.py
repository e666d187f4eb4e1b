"""A record that no function takes blocks nothing, stays whole in the failed bucket and can be redriven."""

import base64
import json
import time
import zlib
from collections.abc import Callable
from typing import Any

import bodies
import httpx
import pytest
from click.testing import CliRunner, Result

from tavus_callbacks.aws.items import write_item
from tavus_callbacks.aws.stores.bodies import Bodies
from tavus_callbacks.aws.stores.quarantine import QuarantineRows
from tavus_callbacks.domain.callbacks.event import Callback
from tavus_callbacks.domain.callbacks.quarantine import quarantine_entry
from tavus_callbacks.domain.common.errors import Unfileable
from tavus_callbacks.domain.common.timestamps import parse
from tavus_callbacks_cli.local_stack.account import isolated_session
from tavus_callbacks_cli.local_stack.registry import register
from tavus_callbacks_cli.local_stack.stack import LocalStack
from tavus_callbacks_cli.local_stack.state import open_state
from tavus_callbacks_cli.main import main

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("stack"), pytest.mark.slow]

PATIENCE = 90
RECEIVED = "2026-07-11T06:48:37.000000Z"


@pytest.fixture(autouse=True)
def _found(stack, tmp_path, monkeypatch):
    """Let `--local` find this stack and no other of this machine."""
    monkeypatch.setenv("TAVUS_CALLBACKS_STATE", str(tmp_path))
    with register(open_state(tmp_path, stack.running.port, fresh=False), stack.running):
        yield


def run(*arguments: str) -> Result:
    """Run a command on the local stack."""
    return CliRunner().invoke(main, [*arguments, "--local"])


def answered(*arguments: str) -> dict[str, Any]:
    """Return what a command with `--json` printed."""
    result = run(*arguments, "--json")
    assert result.exit_code in (0, 1), result.output
    content: dict[str, Any] = json.loads(result.stdout)
    return content


def client(stack: LocalStack, service: Any) -> Any:
    """Return a client of the embedded services."""
    return isolated_session(stack.running.aws_access_key_id).client(
        service, endpoint_url=stack.running.endpoint_url
    )


def read(stack: LocalStack, path: str) -> httpx.Response:
    """Ask the read side."""
    headers = {"authorization": f"Bearer {stack.running.read_token}"}
    return httpx.get(f"{stack.running.api_url}{path}", headers=headers)


def post(stack: LocalStack, subject: str, **members: object) -> None:
    """Post a callback that both triggers take."""
    content = {
        "conversation_id": subject,
        "event_type": "application.recording_ready",
        "timestamp": bodies.TIME,
    }
    httpx.post(stack.running.callback_url, json=content | members).raise_for_status()


def eventually(look: Callable[[], Any]) -> Any:
    """Return what is there after a while."""
    ends = time.monotonic() + PATIENCE
    while not (found := look()) and time.monotonic() < ends:
        time.sleep(0.1)
    assert found
    return found


def without_its_body(stack: LocalStack, subject: str) -> dict[str, Any]:
    """Keep an event whose body is nowhere, as no version of the receiver would; return its row."""
    row = {
        "pk": f"conversation#{subject}",
        "sk": "e1#00001783752517564961-00000000000000000000000000000000",
        "type": "event",
        "ref": "00001783752517564961-00000000000000000000000000000000",
        "family": "conversation",
        "kind": "conversation",
        "subject": subject,
        "event_type": "application.recording_ready",
        "occurred_at": bodies.TIME,
        "received_at": RECEIVED,
        "label": "local",
        "tags": {},
        "issues": [],
        "content": "0" * 32,
        "receipt_shard": "event#0",
        "receipt": f"{RECEIVED}-{'0' * 32}",
        "encoding": "identity",
        "body_size": 40,
        "body_key": f"events/conversation/{subject}/nowhere",
    }
    table = stack.running.outputs["EventsTableName"]
    client(stack, "dynamodb").put_item(TableName=table, Item=write_item(row))
    return row


def conversations(stack: LocalStack) -> set[str]:
    """Return the conversations that have a summary."""
    return {one["conversation_id"] for one in read(stack, "/conversations").json()["conversations"]}


def recordings(stack: LocalStack, subject: str) -> list[dict[str, Any]]:
    """Return a conversation's recordings."""
    found: list[dict[str, Any]] = read(stack, f"/conversations/{subject}/recordings").json()["recordings"]
    return found


def spilled(body: bytes) -> str:
    """Write a message of the spill."""
    packed = base64.b64encode(zlib.compress(body)).decode()
    about = {"version": 1, "query": "user=4711", "label": "local", "received_at": RECEIVED}
    return json.dumps(about | {"encoding": "deflate", "body": packed})


def solve_everything(stack: LocalStack) -> None:
    """Take away all that other tests have left stuck."""
    outputs, dynamodb, s3 = stack.running.outputs, client(stack, "dynamodb"), client(stack, "s3")
    table, bucket = outputs["EventsTableName"], outputs["FailedBucketName"]
    for row in dynamodb.scan(TableName=table)["Items"]:
        if row["type"]["S"] in ("quarantine", "recording", "summary"):
            dynamodb.delete_item(TableName=table, Key={name: row[name] for name in ("pk", "sk")})
    for one in s3.list_objects_v2(Bucket=bucket).get("Contents", ()):
        s3.delete_object(Bucket=bucket, Key=one["Key"])


def test_without_problems_it_says_so(stack):
    """A stack where nothing is stuck ends with 0."""
    solve_everything(stack)

    result = run("problems")

    assert (0, "Nothing is stuck.") == (result.exit_code, result.stderr.splitlines()[-1])


def test_a_poisoned_record_blocks_nobody_and_can_be_redriven(stack):
    """Both triggers go on. The failed bucket has the whole record once for each, until a redrive succeeds."""
    row = without_its_body(stack, "cpoison")
    post(stack, "cbehind", properties={"s3_key": "tavus/cbehind/1"})

    eventually(lambda: "cbehind" in conversations(stack) and recordings(stack, "cbehind"))
    failed = eventually(lambda: len(found := answered("failed", "list")["failed"]) == 2 and found)
    assert {"tavus-callbacks-local-ProjectFunction", "tavus-callbacks-local-ResolveFunction"} == {
        one["function"] for one in failed
    }
    bucket = stack.running.outputs["FailedBucketName"]
    record = json.loads(client(stack, "s3").get_object(Bucket=bucket, Key=failed[0]["id"])["Body"].read())
    [kept] = record["requestPayload"]["Records"]
    assert write_item(row) == kept["dynamodb"]["NewImage"]

    again = run("failed", "redrive", "--all")
    assert (1, 2) == (again.exit_code, len(answered("failed", "list")["failed"]))

    content = {"conversation_id": "cpoison", "properties": {"s3_key": "tavus/cpoison/1"}}
    bodies_bucket = stack.running.outputs["BodiesBucketName"]
    raw = json.dumps(content).encode()
    client(stack, "s3").put_object(Bucket=bodies_bucket, Key=row["body_key"], Body=raw)
    assert ["would be given"] * 2 == [
        one["outcome"] for one in answered("failed", "redrive", "--all", "--dry-run")["failed"]
    ]
    one_key = failed[0]["id"]
    assert ["taken"] == [one["outcome"] for one in answered("failed", "redrive", one_key)["failed"]]
    assert 0 == run("failed", "redrive", "--all").exit_code

    assert [] == answered("failed", "list")["failed"]
    assert "cpoison" in conversations(stack)
    assert ["tavus/cpoison/1"] == [one["key"] for one in recordings(stack, "cpoison")]
    assert 1 == run("failed", "redrive", "nothing").exit_code
    assert "Error: Nothing has failed.\n" in run("failed", "redrive", "latest").stderr


def test_dead_letters_are_moved_into_the_spill_and_filed(stack):
    """A callback that the drain gave up on is stored by a redrive, by its first time of receipt."""
    dead = stack.running.outputs["SpillDeadQueueUrl"]
    body = {"conversation_id": "cdead", "event_type": "system.shutdown"}
    client(stack, "sqs").send_message(QueueUrl=dead, MessageBody=spilled(json.dumps(body).encode()))

    problems = run("problems")
    assert 1 == problems.exit_code
    assert "dead letters: spilled callbacks" in problems.stdout
    assert 1 == answered("failed", "list")["dead_letters"]
    assert 1 == answered("failed", "redrive", "--all")["moved"]

    [event] = eventually(lambda: read(stack, "/events?kind=conversation&subject=cdead").json()["events"])
    assert (RECEIVED, {"user": "4711"}, body) == (event["received_at"], event["tags"], event["body"])


def test_a_message_that_no_drain_can_read_blocks_no_other(stack):
    """The poisoned one is tried on, those behind it are filed."""
    spill = stack.running.outputs["SpillQueueUrl"]
    sqs = client(stack, "sqs")
    sqs.send_message(QueueUrl=spill, MessageBody="poison")
    body = json.dumps({"conversation_id": "cspilled", "event_type": "system.shutdown"}).encode()
    sqs.send_message(QueueUrl=spill, MessageBody=spilled(body))

    eventually(lambda: read(stack, "/events?kind=conversation&subject=cspilled").json()["events"])
    shown = {one["what"]: one for one in answered("problems")["problems"]}
    assert 1 == shown["spilled callbacks"]["count"]
    assert shown["spilled callbacks"]["next"].startswith("tavus-callbacks doctor --local")
    sqs.purge_queue(QueueUrl=spill)


@pytest.mark.parametrize("size", [10, pytest.param(60_000, marks=pytest.mark.more)])
def test_quarantine_is_redriven_with_its_own_time_label_and_tags(stack, size):
    """An entry that today's rules accept is stored as it came and leaves quarantine; the rest stays."""
    subject, store = f"cquarantined{size}", client(stack, "dynamodb")
    garbage = httpx.post(stack.running.callback_url, content=b"still no sense").json()
    outputs = stack.running.outputs
    kept = Bodies(outputs["BodiesBucketName"], lambda: client(stack, "s3"))
    raw, received_at = bodies.timed(subject, noise=bodies.noise(size)), parse(RECEIVED)
    entry = quarantine_entry(Callback(raw, "user=4711", "staging", received_at), Unfileable("not yet"))
    QuarantineRows(store, outputs["EventsTableName"], kept, None).add(entry, "r1")

    tried = answered("quarantine", "redrive", "--all", "--dry-run")["quarantine"]
    outcomes = {one["quarantine_id"]: one["outcome"] for one in tried}
    assert ("fileable", "refused") == (outcomes[entry.quarantine_id], outcomes[garbage["quarantine_id"]])
    done = {one["quarantine_id"]: one for one in answered("quarantine", "redrive", "--all")["quarantine"]}

    [event] = read(stack, f"/events?kind=conversation&subject={subject}").json()["events"]
    filed = done[entry.quarantine_id]
    assert ("filed", event["event_id"]) == (filed["outcome"], filed["event_id"])
    assert (RECEIVED, "staging", {"user": "4711"}) == (event["received_at"], event["label"], event["tags"])
    assert raw == read(stack, f"/events/{event['event_id']}/body").content
    left = {one["quarantine_id"] for one in answered("quarantine", "list")["quarantine"]}
    assert garbage["quarantine_id"] in left
    assert entry.quarantine_id not in left
    assert 1 == run("quarantine", "redrive", entry.quarantine_id).exit_code
    found = client(stack, "s3").list_objects_v2(Bucket=outputs["BodiesBucketName"], Prefix="quarantine/")
    assert 0 == found["KeyCount"]


def test_problems_name_everything_and_the_next_command(stack):
    """Quarantine and recordings that are not there, with a count and what to type; exit code 1."""
    httpx.post(stack.running.callback_url, content=b"no sense at all")
    post(stack, "cwaiting", properties={"s3_key": "tavus/cwaiting/1"})
    eventually(lambda: "cwaiting" in conversations(stack) and recordings(stack, "cwaiting"))

    shown = {one["what"]: one for one in answered("problems")["problems"]}

    assert shown["in quarantine"]["next"].startswith("tavus-callbacks quarantine list --local")
    assert shown["recordings pending"]["next"].startswith("tavus-callbacks recording c")


def test_one_id_or_all_is_wanted():
    """Nothing is redriven by mistake."""
    for group in ("quarantine", "failed"):
        assert 2 == run(group, "redrive").exit_code
        assert 2 == run(group, "redrive", "0123", "--all").exit_code
    assert 1 == run("quarantine", "redrive", "0123").exit_code
