"""`doctor` on a running local stack, over HTTP: green, and red with its fix for what is broken on purpose."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from click.testing import CliRunner

from tavus_callbacks_cli.commands import doctor as command
from tavus_callbacks_cli.doctor.checks import CHECKS
from tavus_callbacks_cli.local import stack
from tavus_callbacks_cli.local.registry import RunningStack, registered
from tavus_callbacks_cli.local.session import isolated_session
from tavus_callbacks_cli.local.state import open_state
from tavus_callbacks_cli.main import main

pytestmark = pytest.mark.stack

HERE = {check.name for check in CHECKS if not check.not_here}


@pytest.fixture(scope="module")
def mine(tmp_path_factory) -> Iterator[RunningStack]:
    """Run a stack of this module's own, for it is broken here."""
    root = tmp_path_factory.mktemp("state")
    with (
        pytest.MonkeyPatch.context() as patch,
        stack.local_stack(stack.Options(port=0, state_root=root)) as local,
    ):
        patch.setenv("TAVUS_CALLBACKS_STATE", str(root))
        yield local.running


def client(mine: RunningStack, service: Any) -> Any:
    """Return a client of the embedded services."""
    return isolated_session().client(service, endpoint_url=mine.endpoint_url)


def examined() -> dict[str, dict[str, str]]:
    """Run the doctor and return what it found, by the names of its checks."""
    result = CliRunner().invoke(main, ["doctor", "--local", "--json"])
    found = {check["name"]: check for check in json.loads(result.stdout)["checks"]}
    assert ("failed" in {check["status"] for check in found.values()}) == (result.exit_code == 1)
    return found


def test_a_running_stack_is_green_and_what_is_not_here_is_grey(mine):
    """Everything that has a meaning here is proven; the rest says why it was not looked at."""
    found = examined()

    assert {"ok"} == {found[name]["status"] for name in {*HERE, "clean-up"}}, found
    grey = [check for check in CHECKS if check.not_here]
    assert [("skipped", check.not_here) for check in grey] == [
        (found[check.name]["status"], found[check.name]["detail"]) for check in grey
    ]
    assert {"callback", "unannounced", "announced", "link", "altered link", "unsigned URL"} < HERE
    assert mine.port


def test_the_probe_leaves_nothing_but_marked_callbacks(mine):
    """No token of the doctor lives, no version of its object is left, what was sent is tagged."""
    examined()

    outputs = mine.outputs
    left = client(mine, "s3").list_object_versions(Bucket=outputs["RecordingsBucketName"])
    tokens = client(mine, "dynamodb").scan(TableName=outputs["TokensTableName"])["Items"]
    doctors = [token for token in tokens if token["label"]["S"].startswith("doctor-")]
    assert [] == [*left.get("Versions", []), *left.get("DeleteMarkers", [])]
    assert doctors
    assert all("revoked_at" in token and "expires_at" in token for token in doctors)


@contextmanager
def without_versioning(mine: RunningStack) -> Iterator[None]:
    """Switch versioning off for a while."""
    bucket, s3 = mine.outputs["RecordingsBucketName"], client(mine, "s3")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    yield
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})


@contextmanager
def without_public_access_block(mine: RunningStack) -> Iterator[None]:
    """Take the block away for a while."""
    bucket, s3 = mine.outputs["RecordingsBucketName"], client(mine, "s3")
    block = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    s3.delete_public_access_block(Bucket=bucket)
    yield
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=block)


def without_recovery(output: str):
    """Switch the recovery of a table off for a while."""

    @contextmanager
    def broken(mine: RunningStack) -> Iterator[None]:
        _recover(mine, output, is_on=False)
        yield
        _recover(mine, output, is_on=True)

    return broken


def _recover(mine: RunningStack, output: str, *, is_on: bool) -> None:
    client(mine, "dynamodb").update_continuous_backups(
        TableName=mine.outputs[output],
        PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": is_on},
    )


@contextmanager
def without_expiry(mine: RunningStack) -> Iterator[None]:
    """Switch the events' time to live off for a while."""
    _expire(mine, is_on=False)
    yield
    _expire(mine, is_on=True)


def _expire(mine: RunningStack, *, is_on: bool) -> None:
    client(mine, "dynamodb").update_time_to_live(
        TableName=mine.outputs["EventsTableName"],
        TimeToLiveSpecification={"Enabled": is_on, "AttributeName": "expires_at"},
    )


@contextmanager
def without_tokens(mine: RunningStack) -> Iterator[None]:
    """Empty the tokens table for a while."""
    table, dynamodb = mine.outputs["TokensTableName"], client(mine, "dynamodb")
    items = dynamodb.scan(TableName=table)["Items"]
    for item in items:
        dynamodb.delete_item(TableName=table, Key={"token_digest": item["token_digest"]})
    yield
    for item in items:
        dynamodb.put_item(TableName=table, Item=item)


BREAKS = {
    "versioning": (without_versioning, "Status=Enabled"),
    "public access": (without_public_access_block, "BlockPublicPolicy=true"),
    "events recovery": (without_recovery("EventsTableName"), "PointInTimeRecoveryEnabled=true"),
    "tokens recovery": (without_recovery("TokensTableName"), "PointInTimeRecoveryEnabled=true"),
    "events expiry": (without_expiry, "AttributeName=expires_at"),
    "callback token": (without_tokens, "tavus-callbacks token create --label production --local --port"),
}


@pytest.mark.parametrize("name", BREAKS)
def test_what_is_broken_is_red_with_its_fix(name, mine):
    """Its line and no other."""
    breaking, fix = BREAKS[name]
    with breaking(mine):
        found = examined()

    assert [name] == [each["name"] for each in found.values() if each["status"] == "failed"]
    assert fix in found[name]["fix"]


def test_an_object_that_no_event_tells_of_is_red(mine, monkeypatch, tmp_path):
    """An object in a bucket that is not watched is never found, and the fix says where to look."""
    monkeypatch.setattr(command, "_PATIENCE_HERE", 0.5)
    monkeypatch.setenv("TAVUS_CALLBACKS_STATE", str(tmp_path))
    unwatched = {"RecordingsBucketName": mine.outputs["FailedBucketName"]}
    changed = replace(mine, outputs={**mine.outputs, **unwatched})

    with registered(open_state(tmp_path, mine.port, fresh=False), changed):
        found = examined()

    assert "failed" == found["unannounced"]["status"]
    assert "ResolveFunction" in found["unannounced"]["fix"]
    assert "ok" == found["clean-up"]["status"]
