"""Streams and buckets start functions as on AWS: filtered, in order, again on failure, kept in the end."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
import pytest
from small_stack import dynamodb, s3, small_stack

from tavus_callbacks_cli.local_stack.options import Options
from tavus_callbacks_cli.local_stack.services.deploy import check_resources
from tavus_callbacks_cli.local_stack.stack import LocalStack, local_stack
from tavus_callbacks_cli.local_stack.template.template import load_template
from tavus_callbacks_cli.local_stack.triggers import streams
from tavus_callbacks_cli.local_stack.triggers.triggers import triggers_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

pytestmark = [pytest.mark.stack, pytest.mark.slow]

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
      Environment: {Variables: {NOTES: NOTES_FILE}}
      Events:
        Get: {Type: HttpApi, Properties: {ApiId: !Ref Api, Method: GET, Path: "/hello"}}
        Stream:
          Type: DynamoDB
          Properties:
            Stream: !GetAtt Things.StreamArn
            StartingPosition: TRIM_HORIZON
            BatchSize: 3
            MaximumRetryAttempts: 1
            BisectBatchOnFunctionError: true
            DestinationConfig: {OnFailure: {Destination: !GetAtt Failed.Arn}}
            FilterCriteria:
              Filters:
                - Pattern: '{"eventName":["INSERT"],"dynamodb":{"NewImage":{"kind":{"S":["event"]}}}}'
        Objects:
          Type: EventBridgeRule
          Properties: {Pattern: {source: [aws.s3], detail: {bucket: {name: [!Ref Watched]}}}}
      EventInvokeConfig:
        MaximumRetryAttempts: 1
        DestinationConfig: {OnFailure: {Type: S3Bucket, Destination: !GetAtt Failed.Arn}}
  Things:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: pk, AttributeType: S}]
      KeySchema: [{AttributeName: pk, KeyType: HASH}]
      StreamSpecification: {StreamViewType: NEW_IMAGE}
  Tokens:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: token_digest, AttributeType: S}]
      KeySchema: [{AttributeName: token_digest, KeyType: HASH}]
  Watched:
    Type: AWS::S3::Bucket
    Properties:
      VersioningConfiguration: {Status: Enabled}
      NotificationConfiguration: {EventBridgeConfiguration: {EventBridgeEnabled: true}}
  Silent: {Type: AWS::S3::Bucket}
  Failed: {Type: AWS::S3::Bucket}
Outputs:
  EventsTableName: {Value: !Ref Things}
  TokensTableName: {Value: !Ref Tokens}
  Watched: {Value: !Ref Watched}
  Silent: {Value: !Ref Silent}
  Failed: {Value: !Ref Failed}
"""
HANDLER = """
import json
import os

def handler(event, context):
    with open(os.environ["NOTES"], "a") as notes:
        notes.write(json.dumps(event) + "\\n")
    if "poison" in json.dumps(event):
        raise ValueError("poison")
"""
T = TypeVar("T")


@dataclass
class Watched:
    """A running stack and the events that its function received."""

    stack: LocalStack
    notes: Path
    dynamodb: "DynamoDBClient"
    s3: "S3Client"

    def got(self) -> list[dict[str, Any]]:
        """Return the events that the function got."""
        return (
            [json.loads(line) for line in self.notes.read_text().splitlines()] if self.notes.exists() else []
        )

    def batches(self) -> list[list[str]]:
        """Return the keys of the items that came by the stream, batch by batch."""
        batches = [event["Records"] for event in self.got() if "Records" in event]
        return [[record["dynamodb"]["Keys"]["pk"]["S"] for record in batch] for batch in batches]

    def objects(self) -> list[tuple[str, str]]:
        """Return the events by object."""
        events = [event for event in self.got() if "detail" in event]
        return [(event["detail-type"], event["detail"]["object"]["key"]) for event in events]

    def put(self, key: str, kind: str = "event", **members: Any) -> None:
        """Put an item."""
        item = {"pk": {"S": key}, "kind": {"S": kind}, **members}
        self.dynamodb.put_item(TableName=self.stack.running.outputs["EventsTableName"], Item=item)

    def failed(self) -> dict[str, dict[str, Any]]:
        """Return the dead letters."""
        bucket = self.stack.running.outputs["Failed"]
        keys = [each["Key"] for each in self.s3.list_objects_v2(Bucket=bucket).get("Contents", [])]
        return {key: json.loads(self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()) for key in keys}


@pytest.fixture
def options(tmp_path: Path) -> Options:
    """Describe a stack of the template above."""
    return small_stack(tmp_path, TEMPLATE.replace("NOTES_FILE", str(tmp_path / "notes")), HANDLER)


def watched(stack: LocalStack) -> Watched:
    """Open a running stack."""
    notes = Path(stack.functions.template.resources["Hello"].properties["Environment"]["Variables"]["NOTES"])
    return Watched(stack, notes, dynamodb(stack.running), s3(stack.running))


@pytest.fixture
def world(options: Options) -> Iterator[Watched]:
    """Run a stack of the test's own."""
    with local_stack(options) as stack:
        yield watched(stack)


def soon(look: Callable[[], T], expected: T, seconds: float = 10) -> T:
    """Look until what is expected is seen, or the time is over; return what was seen last."""
    deadline = time.monotonic() + seconds
    while (seen := look()) != expected and time.monotonic() < deadline:
        time.sleep(0.01)
    return seen


def test_an_item_starts_its_function_at_once(world: Watched) -> None:
    """An item that matches the filter arrives in Lambda's form within 0.3 seconds, in the best of five."""
    seconds = [time_to_arrive(world, number) for number in range(5)]
    record = world.got()[-1]["Records"][0]

    assert [[str(number)] for number in range(5)] == world.batches()
    assert min(seconds) < 0.3, seconds
    assert ("INSERT", "aws:dynamodb", "us-east-1") == tuple(
        record[name] for name in ("eventName", "eventSource", "awsRegion")
    )
    assert ":table/tavus-callbacks-local-Things/stream/" in record["eventSourceARN"]
    assert {"B": "AP8="} == record["dynamodb"]["NewImage"]["blob"]
    assert {"L": [{"B": "eA=="}]} == record["dynamodb"]["NewImage"]["tree"]
    assert abs(time.time() - record["dynamodb"]["ApproximateCreationDateTime"]) < 60


def time_to_arrive(world: Watched, number: int) -> float:
    """Put an item and return the seconds until its function got it."""
    started = time.monotonic()
    world.put(str(number), blob={"B": b"\x00\xff"}, tree={"L": [{"B": b"x"}]})
    soon(lambda: len(world.batches()), number + 1)
    return time.monotonic() - started


def test_the_filter_and_the_order_are_kept(world: Watched) -> None:
    """Changes and other kinds are left out; the rest comes in order, at most so many at once."""
    for number in range(7):
        world.put(f"x{number}", kind="other")
        world.put(str(number))
        world.put(str(number))
    flat = soon(lambda: [key for batch in world.batches() for key in batch], [str(n) for n in range(7)])

    assert [str(number) for number in range(7)] == flat
    assert max(map(len, world.batches())) <= 3


def test_poison_is_kept_and_the_stream_goes_on(world: Watched) -> None:
    """Tried, tried again, and written to the destination as Lambda writes it; others are not held up."""
    told: list[tuple[str, str]] = []
    world.stack.functions.watchers.append(lambda function, why: told.append((function, why)))
    world.put("poison")
    world.put("good")
    soon(lambda: "good" in str(world.batches()), expected=True)
    soon(lambda: len(world.failed()), 1)
    [(key, record)] = world.failed().items()

    assert [["poison"], ["poison"], ["good"]] == [batch for batch in world.batches() if len(batch) == 1]
    assert ("Hello", "ValueError: poison") in told
    assert key.startswith("aws/lambda/")
    assert 1 == record["DDBStreamBatchInfo"]["batchSize"]
    assert "RetryAttemptsExhausted" == record["requestContext"]["condition"]
    assert record["requestContext"]["functionArn"].endswith(":function:tavus-callbacks-local-Hello")
    [lost] = json.loads(record["payload"])["Records"]
    assert {"S": "poison"} == lost["dynamodb"]["Keys"]["pk"]
    parts = key.split("/")
    assert record["DDBStreamBatchInfo"]["shardId"] == parts[3]
    assert time.strftime("%Y/%m/%d", time.gmtime()) == "/".join(parts[4:7])


def test_objects_start_functions(world: Watched) -> None:
    """Put, copied, uploaded in parts and deleted objects of the bucket that says so, and of no other."""
    outputs, s3 = world.stack.running.outputs, world.s3
    ours = outputs["Watched"]
    s3.put_object(Bucket=outputs["Silent"], Key="quiet", Body=b"x")
    s3.put_object(Bucket=ours, Key="a b/ü+%", Body=b"12345")
    s3.copy_object(Bucket=ours, Key="copy", CopySource={"Bucket": ours, "Key": "a b/ü+%"})
    upload = s3.create_multipart_upload(Bucket=ours, Key="parts")["UploadId"]
    part = s3.upload_part(Bucket=ours, Key="parts", UploadId=upload, PartNumber=1, Body=b"x")
    parts: Any = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    s3.complete_multipart_upload(Bucket=ours, Key="parts", UploadId=upload, MultipartUpload=parts)
    s3.delete_object(Bucket=ours, Key="copy")
    s3.delete_objects(Bucket=ours, Delete={"Objects": [{"Key": "parts"}]})
    expected = {
        ("Object Created", "a b/ü+%"),
        ("Object Created", "copy"),
        ("Object Created", "parts"),
        ("Object Deleted", "copy"),
        ("Object Deleted", "parts"),
    }

    assert expected == soon(lambda: set(world.objects()), expected)
    [first] = [event for event in world.got() if event["detail"]["object"]["key"] == "a b/ü+%"]
    assert 5 == first["detail"]["object"]["size"]
    assert 5 == len(world.objects())


def test_an_event_that_nobody_takes_is_kept(world: Watched) -> None:
    """Invoked as often as the template says, then written to the destination as Lambda writes it."""
    world.s3.put_object(Bucket=world.stack.running.outputs["Watched"], Key="poison", Body=b"x")
    soon(lambda: len(world.failed()), 1)
    [(key, record)] = world.failed().items()

    assert [("Object Created", "poison")] * 2 == world.objects()
    assert key.startswith("aws/lambda/async/tavus-callbacks-local-Hello/")
    assert ("RetriesExhausted", 2) == (
        record["requestContext"]["condition"],
        record["requestContext"]["approximateInvokeCount"],
    )
    assert "poison" == record["requestPayload"]["detail"]["object"]["key"]
    assert record["requestContext"]["functionArn"].endswith(":$LATEST")
    assert "ValueError: poison" in record["responsePayload"]["errorMessage"]


def test_a_restart_tells_nothing_of_what_it_puts_back(options: Options) -> None:
    """Restored items and objects start no function; later ones do."""
    with local_stack(options) as before:
        world = watched(before)
        world.put("old")
        world.s3.put_object(Bucket=before.running.outputs["Watched"], Key="old", Body=b"x")
        soon(lambda: len(world.got()), 2)
    world.notes.unlink()
    with local_stack(options) as after:
        again = watched(after)
        again.put("new")
        again.s3.put_object(Bucket=after.running.outputs["Watched"], Key="new", Body=b"x")
        soon(lambda: len(again.got()), 2)

        assert [["new"]] == again.batches()
        assert [("Object Created", "new")] == again.objects()


def test_the_last_writes_are_delivered_once(options: Options, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next start delivers the records that the end of a stack left, before it is ready."""
    monkeypatch.setattr(streams, "_SECONDS_TO_END", 0)
    with local_stack(options) as stack:
        world = watched(stack)
        for number in range(20):
            world.put(str(number))
        world.s3.put_object(Bucket=stack.running.outputs["Watched"], Key="last", Body=b"x")
    with local_stack(options):
        keys = [key for batch in world.batches() for key in batch]

        assert [str(number) for number in range(20)] == keys
        assert [("Object Created", "last")] == world.objects()


@pytest.mark.parametrize(
    ("before", "after", "named"),
    [
        ("!GetAtt Things.StreamArn", "arn:aws:kinesis:us-east-1:123456789012:stream/x", "its EventSourceArn"),
        ('"eventName":["INSERT"]', '"eventName":[{"wildcard":"I*"}]', "the operator wildcard"),
        ('"eventName":["INSERT"]', '"eventName":[INSERT', "Expecting value"),
        ("source: [aws.s3]", "source: [{cidr: 10.0.0.0/8}]", "the operator cidr"),
        ("BatchSize: 3", "ParallelizationFactor: 3", "ParallelizationFactor"),
    ],
)
def test_an_unsupported_trigger_is_an_error_that_names_it(
    options: Options, before: str, after: str, named: str
) -> None:
    """A start checks resources and triggers before anything runs, and ignores none of them silently."""
    text = options.template.read_text()
    assert before in text
    options.template.write_text(text.replace(before, after))

    with pytest.raises(click.ClickException, match=named):
        _check(options.template)


def _check(path: Path) -> None:
    template = load_template(path)
    check_resources(template)
    triggers_of(template)


def test_an_unsupported_notification_ends_the_start(options: Options) -> None:
    """A bucket that does not notify EventBridge is an error when it is created."""
    notification = "NotificationConfiguration: {EventBridgeConfiguration: {EventBridgeEnabled: true}}"
    other = "NotificationConfiguration: {QueueConfigurations: [{Event: 's3:ObjectCreated:*', Queue: x}]}"
    text = options.template.read_text()
    assert notification in text
    options.template.write_text(text.replace(notification, other))

    expected = "a notification that is not for EventBridge"
    with pytest.raises(click.ClickException, match=expected), local_stack(options):
        pass
