"""The local stack runs the template and keeps its data over a restart."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import httpx
import pytest
from small_stack import dynamodb, s3, small_stack

from tavus_callbacks_cli.local_stack.http.server import take_port
from tavus_callbacks_cli.local_stack.options import Options
from tavus_callbacks_cli.local_stack.registry import RunningStack, running_stacks
from tavus_callbacks_cli.local_stack.stack import LocalStack, local_stack

pytestmark = pytest.mark.stack

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Api: {Type: AWS::Serverless::HttpApi}
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      Handler: hello.handler
      Runtime: python3.13
      CodeUri: code/
      Environment: {Variables: {TABLE: !Ref Things}}
      Events:
        Get: {Type: HttpApi, Properties: {ApiId: !Ref Api, Method: GET, Path: "/hello/{name}"}}
  Things:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions:
        - {AttributeName: pk, AttributeType: S}
        - {AttributeName: day, AttributeType: S}
      KeySchema: [{AttributeName: pk, KeyType: HASH}]
      GlobalSecondaryIndexes:
        - IndexName: days
          KeySchema: [{AttributeName: day, KeyType: HASH}]
          Projection: {ProjectionType: KEYS_ONLY}
      TimeToLiveSpecification: {AttributeName: expires_at, Enabled: true}
  Tokens:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: token_digest, AttributeType: S}]
      KeySchema: [{AttributeName: token_digest, KeyType: HASH}]
  Files:
    Type: AWS::S3::Bucket
    Properties:
      LifecycleConfiguration:
        Rules: [{Id: all, Prefix: tmp/, Status: Enabled, ExpirationInDays: 7}]
Outputs:
  ApiUrl: {Value: !Sub "https://${Api}.execute-api.${AWS::Region}.amazonaws.com"}
  EventsTableName: {Value: !Ref Things}
  TokensTableName: {Value: !Ref Tokens}
  FilesName: {Value: !Ref Files}
"""
HELLO = """
import os
import sys

def handler(event, context):
    return {**event["pathParameters"], "table": os.environ["TABLE"]}
"""


@pytest.fixture
def options(tmp_path: Path) -> Options:
    """Describe a stack of the small template above, on a port that stays its own."""
    with take_port(0) as listener:
        port: int = listener.getsockname()[1]
    return small_stack(tmp_path, TEMPLATE, HELLO, port)


def change(options: Options, before: str, after: str) -> None:
    """Change the template."""
    assert before in options.template.read_text()
    options.template.write_text(options.template.read_text().replace(before, after))


ITEM: dict[str, Any] = {
    "pk": {"S": "a"},
    "blob": {"B": b"\x00\xff"},
    "tree": {"M": {"B": {"S": "no bytes"}, "set": {"NS": ["1", "2"]}, "blob": {"B": b"\xfe"}}},
    "list": {"L": [{"B": b"\xfd"}, {"NULL": True}, {"M": {}}]},
    "blobs": {"BS": [b"\xfc"]},
}


def fill(running: RunningStack) -> None:
    """Put an item and an object."""
    dynamodb(running).put_item(TableName=running.outputs["EventsTableName"], Item=ITEM)
    s3(running).put_object(
        Bucket=running.outputs["FilesName"],
        Key="a/ü?.json",
        Body=b"\x00\xff",
        ContentType="application/json",
        Metadata={"user": "4711"},
    )


def kept(running: RunningStack) -> tuple[list[Any], list[str]]:
    """Return the items and the keys of the objects."""
    items = dynamodb(running).scan(TableName=running.outputs["EventsTableName"])["Items"]
    listed = s3(running).list_objects_v2(Bucket=running.outputs["FilesName"])
    return items, [each["Key"] for each in listed.get("Contents", [])]


def test_a_stack_answers_and_is_found(options: Options) -> None:
    """Its routes reach its functions, its outputs have local values, other commands find it."""
    with local_stack(options) as stack:
        answer = httpx.get(f"{stack.running.api_url}/hello/you")
        found = running_stacks(options.state_root)

    assert answer.json() == {"name": "you", "table": "tavus-callbacks-local-Things"}
    assert found == [stack.running]
    assert stack.running.outputs["ApiUrl"] == stack.running.api_url == f"http://127.0.0.1:{options.port}"
    assert running_stacks(options.state_root) == []


@pytest.mark.slow
def test_data_and_tokens_survive_a_restart(options: Options) -> None:
    """Items, bytes in them, objects with their headers, and the callback URL are the same after it."""
    with local_stack(options) as before:
        fill(before.running)
    with local_stack(options) as after:
        items, keys = kept(after.running)
        found = s3(after.running).get_object(Bucket=after.running.outputs["FilesName"], Key="a/ü?.json")
        body = found["Body"].read()

    assert after.running.callback_url == before.running.callback_url
    assert after.running.read_token == before.running.read_token
    assert after.note is None
    assert items == [ITEM]
    assert keys == ["a/ü?.json"]
    assert (body, found["ContentType"], found["Metadata"]) == (
        b"\x00\xff",
        "application/json",
        {"user": "4711"},
    )


@pytest.mark.slow
def test_what_was_deleted_stays_deleted(options: Options) -> None:
    """A restart brings nothing back."""
    with local_stack(options) as stack:
        fill(stack.running)
    with local_stack(options) as stack:
        dynamodb(stack.running).delete_item(
            TableName=stack.running.outputs["EventsTableName"], Key={"pk": {"S": "a"}}
        )
        s3(stack.running).delete_object(Bucket=stack.running.outputs["FilesName"], Key="a/ü?.json")
    with local_stack(options) as stack:
        assert kept(stack.running) == ([], [])


@pytest.mark.slow
def test_fresh_forgets(options: Options) -> None:
    """New tokens, no data."""
    with local_stack(options) as before:
        fill(before.running)
    with local_stack(replace(options, fresh=True)) as after:
        assert kept(after.running) == ([], [])

    assert after.running.callback_url != before.running.callback_url


@pytest.mark.slow
def test_a_public_url_is_in_the_callback_url_only(options: Options) -> None:
    """A tunnel leads callbacks in; reading stays on this machine."""
    with local_stack(replace(options, public_url="https://tunnel.example")) as stack:
        assert stack.running.callback_url.startswith("https://tunnel.example/callbacks/tcb_")
        assert stack.running.api_url == f"http://127.0.0.1:{options.port}"


def described(stack: LocalStack) -> dict[str, Any]:
    """Return what the embedded services say of the table and the bucket."""
    client, table = dynamodb(stack.running), stack.running.outputs["EventsTableName"]
    rules = s3(stack.running).get_bucket_lifecycle_configuration(Bucket=stack.running.outputs["FilesName"])
    return {
        "ttl": client.describe_time_to_live(TableName=table)["TimeToLiveDescription"]["AttributeName"],
        "indexes": [
            index["IndexName"]
            for index in client.describe_table(TableName=table)["Table"]["GlobalSecondaryIndexes"]
        ],
        "days": [rule["Expiration"]["Days"] for rule in rules["Rules"]],
    }


@pytest.mark.slow
def test_a_change_of_the_template_changes_the_stack(options: Options) -> None:
    """TTL, index, lifecycle, environment and route are the template's, with the existing data."""
    with local_stack(options) as before:
        fill(before.running)
        described_before = described(before)
    change(options, "expires_at", "dies_at")
    change(options, "IndexName: days", "IndexName: by_day")
    change(options, "ExpirationInDays: 7", "ExpirationInDays: 8")
    change(options, "/hello/{name}", "/hi/{who}")
    change(options, "TABLE: !Ref Things", "TABLE: else")
    with local_stack(options) as after:
        answers = [httpx.get(f"{after.running.api_url}/{path}/you") for path in ("hello", "hi")]
        described_after = described(after)
        items, _ = kept(after.running)

    assert described_before == {"ttl": "expires_at", "indexes": ["days"], "days": [7]}
    assert described_after == {"ttl": "dies_at", "indexes": ["by_day"], "days": [8]}
    assert [answer.status_code for answer in answers] == [404, 200]
    assert answers[1].json() == {"who": "you", "table": "else"}
    assert items == [ITEM]


@pytest.mark.slow
def test_data_of_a_table_that_is_gone_are_kept_aside(options: Options) -> None:
    """Renaming a table prints one line and loses no data."""
    with local_stack(options) as before:
        fill(before.running)
    change(options, "Things", "Matters")
    with local_stack(options) as after:
        items, keys = kept(after.running)
    [aside] = (options.state_root / str(options.port)).glob("data-*/stack.sqlite3")

    assert after.note
    assert "no table tavus-callbacks-local-Things" in after.note
    assert str(aside.parent) in after.note
    assert (items, keys) == ([], ["a/ü?.json"])
    assert b"no bytes" in aside.read_bytes()


def test_a_resource_without_meaning_is_an_error_that_names_it(
    options: Options, children_of: Callable[[int], set[int]]
) -> None:
    """Nothing is left out in silence, and nothing is left running."""
    before = children_of(os.getpid())
    change(options, "Resources:", "Resources:\n  Pool: {Type: AWS::Cognito::UserPool}")

    with (
        pytest.raises(click.ClickException, match="Pool: AWS::Cognito::UserPool cannot"),
        local_stack(options),
    ):
        pass

    assert children_of(os.getpid()) == before


@pytest.mark.slow
def test_the_end_leaves_nothing_running(options: Options, children_of: Callable[[int], set[int]]) -> None:
    """Processes end and the port is free again."""
    before = children_of(os.getpid())
    with local_stack(options):
        during = children_of(os.getpid())

    assert len(during - before) == 2
    assert children_of(os.getpid()) == before
    take_port(options.port).close()


def test_the_projects_stack_keeps_a_callback(local_stack: RunningStack) -> None:
    """The stack of template.yaml stores a callback and returns it."""
    conversation = "c-local-stack"
    body = {
        "event_type": "system.replica_joined",
        "message_type": "system",
        "conversation_id": conversation,
        "timestamp": "2025-07-11T06:48:37.564961Z",
        "properties": {"replica_id": "r1"},
    }

    first, second = (httpx.post(local_stack.callback_url, json=body) for _ in range(2))
    events = httpx.get(
        f"{local_stack.api_url}/conversations/{conversation}/events",
        headers={"authorization": f"Bearer {local_stack.read_token}"},
    )

    assert [first.json()["status"], second.json()["status"]] == ["stored", "duplicate"]
    assert [event["event_id"] for event in events.json()["events"]] == [first.json()["event_id"]]
    assert events.json()["events"][0]["body"] == json.loads(json.dumps(body))
