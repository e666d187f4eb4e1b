"""`doctor` on a running local stack, over HTTP: green, and a fix for each deliberate fault."""

import json
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import cache
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from tavus_callbacks_cli.commands import doctor as command
from tavus_callbacks_cli.doctor.checks import CHECKS
from tavus_callbacks_cli.local_stack.account import isolated_session
from tavus_callbacks_cli.local_stack.registry import RunningStack, register
from tavus_callbacks_cli.local_stack.state import open_state
from tavus_callbacks_cli.main import main

pytestmark = [pytest.mark.stack, pytest.mark.slow]

HERE = {check.name for check in CHECKS if not check.not_here}


@pytest.fixture
def mine(local_stack, tmp_path, monkeypatch) -> Iterator[RunningStack]:
    """Let `--local` find only the session's stack."""
    monkeypatch.setenv("TAVUS_CALLBACKS_STATE", str(tmp_path))
    with register(open_state(tmp_path, local_stack.port, fresh=False), local_stack):
        yield local_stack


def client(mine: RunningStack, service: Any) -> Any:
    """Return a client of the embedded services."""
    return _client(service, mine.aws_access_key_id, mine.endpoint_url)


@cache
def _client(service: Any, key_id: str, endpoint_url: str) -> Any:
    return isolated_session(key_id).client(service, endpoint_url=endpoint_url)


def examined() -> dict[str, dict[str, str]]:
    """Run the doctor and return its results, by the names of the checks."""
    result = CliRunner().invoke(main, ["doctor", "--local", "--json"])
    findings = {check["name"]: check for check in json.loads(result.stdout)["checks"]}
    assert ("failed" in {check["status"] for check in findings.values()}) == (result.exit_code == 1)
    return findings


def test_a_running_stack_is_green_and_what_is_not_here_is_grey(mine):
    """Skipped checks say why, and nothing of the doctor is left in any store, now or after the stream."""
    findings = examined()

    pushed = {"push target", "push secret"}
    assert {"ok"} == {findings[name]["status"] for name in {*HERE, "clean-up"} - pushed}, findings
    assert {"skipped"} == {findings[name]["status"] for name in pushed}
    grey = [check for check in CHECKS if check.not_here]
    assert [("skipped", check.not_here) for check in grey] == [
        (findings[check.name]["status"], findings[check.name]["detail"]) for check in grey
    ]
    assert {"callback", "unannounced", "announced", "link", "preflight", "altered link"} < HERE
    [conversation] = re.findall("csim[0-9a-f]{13}", findings["callback"]["detail"])
    assert "events 2" in findings["clean-up"]["detail"]
    assert [] == holding(mine, conversation)
    await_later_summary(mine)
    assert [] == holding(mine, conversation)


def holding(mine: RunningStack, text: str) -> list[str]:
    """Return where a text is in any table, bucket or queue of the stack, or in the API's lists."""
    dynamodb, s3, sqs = (client(mine, name) for name in ("dynamodb", "s3", "sqs"))
    headers = {"authorization": f"Bearer {mine.read_token}"}
    places = {
        path: httpx.get(f"{mine.api_url}{path}", headers=headers).text
        for path in ("/conversations?limit=200", "/events?limit=200")
    }
    for table in dynamodb.list_tables()["TableNames"]:
        pages = dynamodb.get_paginator("scan").paginate(TableName=table)
        places[table] = str([item for page in pages for item in page["Items"]])
    for bucket in (each["Name"] for each in s3.list_buckets()["Buckets"]):
        listed = s3.list_object_versions(Bucket=bucket)
        places[bucket] = str([*listed.get("Versions", ()), *listed.get("DeleteMarkers", ())])
    for url in sqs.list_queues()["QueueUrls"]:
        places[url] = str(sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0))
    return [place for place, content in places.items() if text in content]


def await_later_summary(mine: RunningStack) -> None:
    """Wait until the stream has reached a callback that is posted now."""
    conversation = f"c{secrets.token_hex(8)}"
    body = {"conversation_id": conversation, "event_type": "system.shutdown"}
    assert 200 == httpx.post(mine.callback_url, json=body).status_code
    deadline = time.monotonic() + 60
    while f"conversation#{conversation}" not in str(summaries(mine)):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def summaries(mine: RunningStack) -> list[Any]:
    """Return the keys of the summaries."""
    items = client(mine, "dynamodb").scan(TableName=mine.outputs["EventsTableName"])["Items"]
    return [item["pk"] for item in items if item["sk"]["S"] == "s1"]


@contextmanager
def without_versioning(mine: RunningStack) -> Iterator[None]:
    """Switch versioning off for the block."""
    bucket, s3 = mine.outputs["RecordingsBucketName"], client(mine, "s3")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    try:
        yield
    finally:
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})


@contextmanager
def without_cors(mine: RunningStack) -> Iterator[None]:
    """Remove the CORS rules for the block."""
    bucket, s3 = mine.outputs["RecordingsBucketName"], client(mine, "s3")
    rules = s3.get_bucket_cors(Bucket=bucket)["CORSRules"]
    s3.delete_bucket_cors(Bucket=bucket)
    try:
        yield
    finally:
        s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": rules})


@contextmanager
def without_public_access_block(mine: RunningStack) -> Iterator[None]:
    """Remove the public access block for the block."""
    bucket, s3 = mine.outputs["RecordingsBucketName"], client(mine, "s3")
    block = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    s3.delete_public_access_block(Bucket=bucket)
    try:
        yield
    finally:
        s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=block)


def without_recovery(output: str):
    """Switch the recovery of a table off for the block."""

    @contextmanager
    def broken(mine: RunningStack) -> Iterator[None]:
        _recover(mine, output, is_on=False)
        try:
            yield
        finally:
            _recover(mine, output, is_on=True)

    return broken


def _recover(mine: RunningStack, output: str, *, is_on: bool) -> None:
    client(mine, "dynamodb").update_continuous_backups(
        TableName=mine.outputs[output],
        PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": is_on},
    )


@contextmanager
def without_expiry(mine: RunningStack) -> Iterator[None]:
    """Switch the events' time to live off for the block."""
    _expire(mine, is_on=False)
    try:
        yield
    finally:
        _expire(mine, is_on=True)


def _expire(mine: RunningStack, *, is_on: bool) -> None:
    client(mine, "dynamodb").update_time_to_live(
        TableName=mine.outputs["EventsTableName"],
        TimeToLiveSpecification={"Enabled": is_on, "AttributeName": "expires_at"},
    )


@contextmanager
def without_tokens(mine: RunningStack) -> Iterator[None]:
    """Empty the tokens table for the block."""
    table, dynamodb = mine.outputs["TokensTableName"], client(mine, "dynamodb")
    items = dynamodb.scan(TableName=table)["Items"]
    for item in items:
        dynamodb.delete_item(TableName=table, Key={"token_digest": item["token_digest"]})
    try:
        yield
    finally:
        for item in items:
            dynamodb.put_item(TableName=table, Item=item)


BREAKS = {
    "versioning": (without_versioning, "Status=Enabled"),
    "public access": (without_public_access_block, "BlockPublicPolicy=true"),
    "preflight": (without_cors, "sam deploy"),
    "events recovery": (without_recovery("EventsTableName"), "PointInTimeRecoveryEnabled=true"),
    "tokens recovery": (without_recovery("TokensTableName"), "PointInTimeRecoveryEnabled=true"),
    "events expiry": (without_expiry, "AttributeName=expires_at"),
    "callback token": (without_tokens, "tavus-callbacks token create --label production --local"),
}


def test_what_is_broken_is_red_with_its_fix(mine):
    """With all faults at once, exactly their lines are red."""
    with ExitStack() as broken:
        for breaking, _ in BREAKS.values():
            broken.enter_context(breaking(mine))
        findings = examined()

    assert set(BREAKS) == {each["name"] for each in findings.values() if each["status"] == "failed"}
    for name, (_, fix) in BREAKS.items():
        assert fix in findings[name]["fix"]


def test_an_object_that_no_event_tells_of_is_red(mine, monkeypatch, tmp_path):
    """An object in an unwatched bucket is never found, and the fix says where to look."""
    monkeypatch.setattr(command, "_PATIENCE_HERE", 0.5)
    monkeypatch.setenv("TAVUS_CALLBACKS_STATE", str(tmp_path))
    unwatched = {"RecordingsBucketName": mine.outputs["FailedBucketName"]}
    changed = replace(mine, outputs={**mine.outputs, **unwatched})

    with register(open_state(tmp_path, mine.port, fresh=False), changed):
        findings = examined()

    assert "failed" == findings["unannounced"]["status"]
    assert "ResolveFunction" in findings["unannounced"]["fix"]
    assert "ok" == findings["clean-up"]["status"]
