"""A conversation in every store and state of a stack in this process, with its neighbours."""

import base64
import json
import random
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import boto3
from click.testing import CliRunner
from inprocess import CONTEXT, Api, failing, forget
from projecting import project_all, records, store

from tavus_callbacks.aws import clients
from tavus_callbacks.aws.items import read_item
from tavus_callbacks.handlers import drain, project, resolve
from tavus_callbacks_cli.erasure import erase
from tavus_callbacks_cli.local_stack.services.deploy import deploy
from tavus_callbacks_cli.main import main
from tavus_callbacks_cli.targets import choose
from tavus_callbacks_cli.targets.api_client import ApiClient
from tavus_callbacks_cli.targets.aws_stack import Deployment

CANARY = "tangerine-4711"
ERASED = "c1"
# Ids that begin with the erased one, or end with it.
NEIGHBOURS = ("c12", "c1-2", "c1.2", "xc1")
MADE = ("SpillQueue", "SpillDeadQueue", "EventBus", "PushRule", "PushQueue", "PushDeadQueue")
# Its spilled callbacks do not fit a message; unpacking them is expensive.
LARGE = (ERASED, "c12")
AT = "2027-03-01T12:00:0{}Z"
REGION = "us-east-1"
# zlib's and gzip's header.
ANY_HEADER = zlib.MAX_WBITS | 32


@dataclass
class Target:
    """The stack as a command's target: AWS credentials, and the API without a network."""

    world: "World"
    name: str = "stack of this process"
    options: tuple[str, ...] = ("--stack", "x")
    is_local: bool = False

    def store(self):
        """Open the stored data."""
        return store(self.world.api)

    def deployment(self):
        """Open the stack, with the store of this process."""
        deployment = Deployment(boto3.Session(region_name=REGION), self.world.outputs, self.options)
        deployment.__dict__["store"] = self.store()
        return deployment

    @contextmanager
    def open_api(self, scope):
        """Open the API."""
        import httpx

        api = self.world.api
        token = api.quarantine_token if scope == "quarantine" else api.read_token

        def answer(request):
            path, _, query = request.url.raw_path.decode().partition("?")
            reply = api.get(path, query, token=token)
            return httpx.Response(reply.status, headers=dict(reply.headers), content=reply.body)

        with httpx.Client(base_url="https://a.test", transport=httpx.MockTransport(answer)) as client:
            yield ApiClient(client, "Make a token.", "Is it up?")


@dataclass
class World:
    """A stack with every store; `late` holds messages and records that arrive after the erasure."""

    api: Api
    recordings: Any
    outputs: dict[str, str]
    s3: Any
    sqs: Any

    def body(self, conversation: str, event_type: str, second: int, **properties: Any) -> dict[str, Any]:
        """Make a callback that holds the canary of its conversation."""
        return {
            "conversation_id": conversation,
            "event_type": event_type,
            "timestamp": AT.format(second),
            "properties": {"said": f"{CANARY} of {conversation}", **properties},
        }

    def kept(self, conversation: str) -> None:
        """Store events: a variant, one without a time, and a large one."""
        joined = self.body(conversation, "system.replica_joined", 0)
        large = self.body(conversation, "application.transcription_ready", 2, noise=noise(conversation))
        for each in (joined, {**joined, "more": True}, large, {**joined, "timestamp": "none"}):
            assert "stored" == self.api.post(each, query=f"user={conversation}").value["status"]

    def quarantined(self, conversation: str) -> None:
        """Post bodies for quarantine that name the conversation."""
        self.api.post(f'{{"conversation_id": "{conversation}", "said": "{CANARY} of '.encode())
        self.api.post(json.dumps([conversation, CANARY, noise(conversation)]).encode())

    def spilled(self, conversation: str, *, is_large: bool | None = None) -> None:
        """Post while the table is down: a small and a large callback, and a dead letter."""
        small = self.body(conversation, "system.shutdown", 3)
        with failing("dynamodb", "PutItem", error="AccessDeniedException"):
            is_large = conversation in LARGE if is_large is None else is_large
            large = [{**small, "noise": noise(conversation, 600_000)}] if is_large else []
        with failing("dynamodb", "PutItem", error="AccessDeniedException"):
            for each in (small, *large):
                assert "accepted" == self.api.post(each).value["status"]
        self.sqs.send_message(QueueUrl=self.outputs["SpillDeadQueueUrl"], MessageBody=message(small))

    def failed(self, conversation: str = ERASED) -> None:
        """Leave batches as Lambda does: records of all conversations, and an event of the bucket."""
        self._fail("stream", {"payload": json.dumps({"Records": records(self.api)})})
        detail = {"bucket": {"name": self.recordings.bucket}, "object": {"key": f"tavus/{conversation}/1"}}
        self._fail("object", {"requestPayload": {"detail": detail}})
        waiting = map(json.loads, self.messages("PushQueueUrl"))
        for name, push in {each["detail"]["subject"]: each for each in waiting}.items():
            self._fail(f"push-{name}", {"requestPayload": push})

    def _fail(self, name: str, members: dict[str, Any]) -> None:
        arn = "arn:aws:lambda:us-east-1:123456789012:function:project"
        context = {"functionArn": arn, "condition": "RetryAttemptsExhausted"}
        body = {"requestContext": context, "timestamp": AT.format(5), **members}
        key = f"aws/lambda/project/2027/03/01/{name}"
        self.s3.put_object(Bucket=self.outputs["FailedBucketName"], Key=key, Body=json.dumps(body))

    def recorded(self, conversation: str) -> None:
        """Write recordings in several versions, one deleted, one unfinished upload."""
        folder = f"tavus/{conversation}"
        for name, text in (("1", "old"), ("1", "new"), ("2.mp4", "two"), ("3", "gone")):
            self.recordings.put(f"{folder}/{name}", f"{CANARY} of {conversation} {text}".encode())
        self.recordings.delete(f"{folder}/3")
        self.s3.create_multipart_upload(Bucket=self.recordings.bucket, Key=f"{folder}/4")
        for name in ("1", "2"):
            self.recordings.claim(f"{folder}/{name}")

    def come_late(self, conversation: str, late: list[Any]) -> None:
        """Deliver everything that arrives after an erasure: posts, stream records, spill and uploads."""
        in_the_minute = self.api.post(self.body(conversation, "system.shutdown", 9))
        assert (200, "stored") == (in_the_minute.status, in_the_minute.value["status"])
        assert [] == project_all(self.api)
        images = [(each, each["dynamodb"]["NewImage"]["event_type"]["S"]) for each in late]
        claims = [each for each, event_type in images if event_type.endswith("recording_ready")]
        # A function is never called with an empty batch.
        for module, batch in ((project, late), (resolve, claims)):
            assert not batch or {"batchItemFailures": []} == module.handler({"Records": batch}, CONTEXT)
        forget()
        posted = self.api.post(
            {**self.body(conversation, "system.shutdown", 7), "noise": noise(conversation)}
        )
        assert (200, "erased") == (posted.status, posted.value["status"])
        spilled = message(self.body(conversation, "system.shutdown", 8))
        attributes = {"ApproximateReceiveCount": "1", "SentTimestamp": "0"}
        record = {"messageId": "1", "body": spilled, "attributes": attributes, "eventSource": "aws:sqs"}
        assert {"batchItemFailures": []} == drain.handler({"Records": [record]}, None)
        self.upload(f"tavus/{conversation}/9")

    def upload(self, key: str) -> None:
        """Write an object, and deliver the events of a versioned bucket."""
        version = self.s3.put_object(Bucket=self.recordings.bucket, Key=key, Body=CANARY)["VersionId"]
        detail = {"bucket": {"name": self.recordings.bucket}, "object": {"key": key, "version-id": version}}
        for change in ("Object Created", "Object Deleted"):
            resolve.handler({"source": "aws.s3", "detail-type": change, "detail": detail}, None)

    def erase(self, *arguments: str, **options: Any) -> Any:
        """Run the command."""
        return CliRunner().invoke(main, ["erase", *arguments, "--stack", "x"], **options)

    def everything(self) -> list[str]:
        """Return everything in any store as texts, with deflated bodies unpacked."""
        return [text for _, text in self.contents()]

    def contents(self) -> Iterator[tuple[str, str]]:
        """Yield everything in any table, index, bucket and queue of the account, with the place's name."""
        dynamodb = clients.dynamodb()
        for table in dynamodb.list_tables()["TableNames"]:
            indexes = dynamodb.describe_table(TableName=table)["Table"].get("GlobalSecondaryIndexes", ())
            yield from _rows(f"{logical(table)} ", TableName=table)
            for index in (each["IndexName"] for each in indexes):
                yield from _rows(f"{logical(table)} index {index} ", TableName=table, IndexName=index)
        for bucket in (each["Name"] for each in self.s3.list_buckets()["Buckets"]):
            yield from self._objects(bucket)
        for url in self.sqs.list_queues().get("QueueUrls", ()):
            yield from ((logical(url), plain(text)) for text in self.messages_at(url))

    def holding(self, *needles: str) -> list[str]:
        """Return the places that contain one of some texts; the announcement of an erasure may."""
        places = ((place, text) for place, text in self.contents() if "conversation.erased" not in text)
        return sorted(place for place, text in places if any(needle in text for needle in needles))

    def _objects(self, bucket: str) -> Iterator[tuple[str, str]]:
        listed = self.s3.list_object_versions(Bucket=bucket)
        for each in listed.get("DeleteMarkers", []):
            yield f"{logical(bucket)} {each['Key']}", f"marker {each['Key']}"
        for each in listed.get("Versions", []):
            which = {"Bucket": bucket, "Key": each["Key"], "VersionId": each["VersionId"]}
            body = self.s3.get_object(**which)["Body"].read()
            text = plain(body.decode(errors="replace"), body)
            yield f"{logical(bucket)} {each['Key']}", f"{each['Key']} {text}"
        for each in self.s3.list_multipart_uploads(Bucket=bucket).get("Uploads", []):
            yield f"{logical(bucket)} {each['Key']}", f"upload {each['Key']}"

    def messages(self, output: str) -> list[str]:
        """Return the messages of an output's queue without removing them."""
        return self.messages_at(self.outputs[output])

    def messages_at(self, url: str) -> list[str]:
        """Return the messages of a queue without removing them."""
        messages: list[dict[str, Any]] = []
        while batch := self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            messages += batch
        for each in messages:
            self.sqs.change_message_visibility(
                QueueUrl=url, ReceiptHandle=each["ReceiptHandle"], VisibilityTimeout=0
            )
        return [each["Body"] for each in messages]

    def of(self, conversation: str) -> list[str]:
        """Return what contains the canary of a conversation, or has its name, in a fixed order."""
        return of(conversation, self.everything())


def logical(name: str) -> str:
    """Return the template's name of a table, bucket or queue, in lower case."""
    return name.rpartition("tavus-callbacks-local-")[2].lower()


def _rows(place: str, **which: Any) -> Iterator[tuple[str, str]]:
    """Yield the rows of a table or an index by their type, binary values inflated."""
    for page in clients.dynamodb().get_paginator("scan").paginate(**which):
        for item in map(read_item, page["Items"]):
            packed = [inflated(value) for value in item.values() if isinstance(value, bytes)]
            yield f"{place}{item.get('type', '')}", " ".join([repr(item), *packed])


def inflated(raw: bytes) -> str:
    """Return the text that was deflated, or nothing."""
    try:
        return zlib.decompress(raw, ANY_HEADER).decode()
    except zlib.error:
        return ""


def of(conversation: str, texts: list[str]) -> list[str]:
    """Return what contains the canary of a conversation, or has its name, in a fixed order."""
    said = f"{CANARY} of {conversation}"
    marks = (f"{said} ", f'{said}"', f"{said}'")
    marks += (f"'conversation#{conversation}'", f"tavus/{conversation}/", f'["{conversation}", ')
    return sorted(each for each in texts if any(mark in f"{each} " for mark in marks))


def distribution() -> str:
    """Create a distribution for invalidations, and return its id."""
    origin = {
        "Id": "any",
        "DomainName": "any.s3.amazonaws.com",
        "S3OriginConfig": {"OriginAccessIdentity": ""},
    }
    behaviour = {"TargetOriginId": "any", "ViewerProtocolPolicy": "https-only", "CachePolicyId": "any"}
    settings: Any = {
        "CallerReference": "any",
        "Comment": "",
        "Enabled": True,
        "Origins": {"Quantity": 1, "Items": [origin]},
        "DefaultCacheBehavior": behaviour,
    }
    made = boto3.client("cloudfront").create_distribution(DistributionConfig=settings)
    return made["Distribution"]["Id"]


def noise(name: str, count: int = 12_000) -> str:
    """Make text that does not deflate into a row, the same each time."""
    return random.Random(name).randbytes(count).hex()  # noqa: S311 - fills a body, guards no secret


def message(body: dict[str, Any]) -> str:
    """Make a message of the spill."""
    packed = base64.b64encode(zlib.compress(json.dumps(body).encode())).decode()
    received_at = "2027-03-01T12:00:00.000000Z"
    members = {
        "query": "",
        "label": "test",
        "received_at": received_at,
        "encoding": "deflate",
        "body": packed,
    }
    return json.dumps({"version": 1, **members})


def plain(text: str, raw: bytes | None = None) -> str:
    """Return a text together with everything that is packed in it."""
    try:
        packed = json.loads(text)["body"]
    except (ValueError, KeyError, TypeError):
        packed = None
    decoded = base64.b64decode(packed) if isinstance(packed, str) else b""
    for data in (decoded, raw, raw and b64(raw)):
        if unpacked := inflated(data or b""):
            return f"{text[:200]} {unpacked}"
    return f"{text} {decoded.decode(errors='replace')}" if decoded else text


def b64(raw: bytes) -> bytes:
    """Return the decoded base64, or nothing."""
    try:
        return base64.b64decode(raw, validate=True)
    except ValueError:
        return b""


@contextmanager
def world_of(api: Api, recordings: Any, template: Any, monkeypatch: Any) -> Any:
    """Add queues and a bus to a stack, and let commands work on it."""
    s3, sqs = boto3.client("s3", region_name=REGION), boto3.client("sqs", region_name=REGION)
    kept = {name: template.resources[name] for name in MADE}
    deploy(replace(template, resources=kept), SimpleNamespace(s3=s3, sqs=sqs, events=clients.events()))
    outputs = {**template.outputs, "DistributionId": distribution()}
    monkeypatch.setenv("EVENT_BUS", outputs["EventBusName"])
    monkeypatch.setenv("SPILL_QUEUE_URL", outputs["SpillQueueUrl"])
    monkeypatch.setenv("SPILL_SECONDS", "60")
    monkeypatch.setattr(erase, "SETTLE", 0)
    forget()
    made = World(api, recordings, outputs, s3, sqs)
    monkeypatch.setattr(choose, "choose", lambda *_, **__: Target(made))
    for module in (drain, project, resolve):
        monkeypatch.setattr(module.logger.registered_handler, "stream", api.log)
    try:
        yield made
    finally:
        clients.sqs.cache_clear()
        clients.events.cache_clear()


def plant(world: World) -> None:
    """Store the conversation and its neighbours everywhere."""
    everybody = (ERASED, *NEIGHBOURS)
    for conversation in everybody:
        world.kept(conversation)
        world.recorded(conversation)
    assert [] == project_all(world.api)
    world.failed()
    for conversation in everybody:
        world.quarantined(conversation)
        world.spilled(conversation)
