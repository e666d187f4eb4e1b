"""A conversation planted in every store and state of a stack in this process, and its neighbours."""

import base64
import json
import random
import zlib
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import boto3
from click.testing import CliRunner
from inprocess import Api, failing, forget
from projecting import project_all, records, store

from tavus_callbacks import drain, project, resolve
from tavus_callbacks.aws import clients
from tavus_callbacks_cli import targets
from tavus_callbacks_cli.deployment import Deployment
from tavus_callbacks_cli.erasure import steps
from tavus_callbacks_cli.local.deploy import deploy
from tavus_callbacks_cli.main import main
from tavus_callbacks_cli.reader import Reader

CANARY = "tangerine-4711"
ERASED = "c1"
# Ids that begin with the erased one, or end with it.
NEIGHBOURS = ("c12", "c1-2", "c1.2", "xc1")
QUEUES = ("SpillQueueUrl", "SpillDeadQueueUrl", "PushQueueUrl", "PushDeadQueueUrl")
MADE = ("FailedBucket", "SpillQueue", "SpillDeadQueue", "EventBus", "PushRule", "PushQueue", "PushDeadQueue")
# Whose spilled callbacks do not fit a message; unpacking them is dear.
LARGE = (ERASED, "c12")
AT = "2027-03-01T12:00:0{}Z"
REGION = "us-east-1"


@dataclass
class Target:
    """The stack as a command's target: AWS credentials, and the read side without its network."""

    world: "World"
    name: str = "stack of this process"
    options: tuple[str, ...] = ("--stack", "x")

    def store(self):
        """Open what is kept."""
        return store(self.world.api)

    @contextmanager
    def reader(self, scope):
        """Open the read side."""
        import httpx

        api = self.world.api
        token = api.quarantine_token if scope == "quarantine" else api.read_token

        def answer(request):
            path, _, query = request.url.raw_path.decode().partition("?")
            reply = api.get(path, query, token=token)
            return httpx.Response(reply.status, headers=dict(reply.headers), content=reply.body)

        with httpx.Client(base_url="https://a.test", transport=httpx.MockTransport(answer)) as client:
            yield Reader(client, "Make a token.", "Is it up?")


@dataclass
class World:
    """A stack with every store; `late` are messages and records that come after the erasure."""

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
        """File events, a variant, a timeless one and a large one."""
        joined = self.body(conversation, "system.replica_joined", 0)
        large = self.body(conversation, "application.transcription_ready", 2, noise=noise(conversation))
        for one in (joined, {**joined, "more": True}, large, {**joined, "timestamp": "none"}):
            assert "stored" == self.api.post(one, query=f"user={conversation}").value["status"]

    def quarantined(self, conversation: str) -> None:
        """Post what cannot be filed: a whole word of it names the conversation."""
        self.api.post(f'{{"conversation_id": "{conversation}", "said": "{CANARY} of '.encode())
        self.api.post(json.dumps([conversation, CANARY, noise(conversation)]).encode())

    def spilled(self, conversation: str) -> None:
        """Post while the table is down: one that fits a message, one that does not; and a dead letter."""
        small = self.body(conversation, "system.shutdown", 3)
        with failing("dynamodb", "PutItem", error="AccessDeniedException"):
            large = [{**small, "noise": noise(conversation, 600_000)}] if conversation in LARGE else []
        with failing("dynamodb", "PutItem", error="AccessDeniedException"):
            for one in (small, *large):
                assert "accepted" == self.api.post(one).value["status"]
        self.sqs.send_message(QueueUrl=self.outputs["SpillDeadQueueUrl"], MessageBody=message(small))

    def failed(self) -> None:
        """Leave batches as Lambda does: one with records of all, one of a bucket's event."""
        self._fail("stream", {"payload": json.dumps({"Records": records(self.api)})})
        detail = {"bucket": {"name": self.recordings.bucket}, "object": {"key": f"tavus/{ERASED}/1"}}
        self._fail("object", {"requestPayload": {"detail": detail}})
        waiting = map(json.loads, self.messages("PushQueueUrl"))
        for name, push in {one["detail"]["subject"]: one for one in waiting}.items():
            self._fail(f"push-{name}", {"requestPayload": push})

    def _fail(self, name: str, members: dict[str, Any]) -> None:
        arn = "arn:aws:lambda:us-east-1:123456789012:function:project"
        context = {"functionArn": arn, "condition": "RetryAttemptsExhausted"}
        body = {"requestContext": context, "timestamp": AT.format(5), **members}
        key = f"aws/lambda/project/2027/03/01/{name}"
        self.s3.put_object(Bucket=self.outputs["FailedBucketName"], Key=key, Body=json.dumps(body))

    def recorded(self, conversation: str) -> None:
        """Write several recordings, some of them in several versions, one deleted, one half uploaded."""
        folder = f"tavus/{conversation}"
        for name, text in (("1", "old"), ("1", "new"), ("2.mp4", "two"), ("3", "gone")):
            self.recordings.put(f"{folder}/{name}", f"{CANARY} of {conversation} {text}".encode())
        self.recordings.delete(f"{folder}/3")
        self.s3.create_multipart_upload(Bucket=self.recordings.bucket, Key=f"{folder}/4")
        for name in ("1", "2"):
            self.recordings.claim(f"{folder}/{name}")

    def erase(self, *arguments: str, **options: Any) -> Any:
        """Run the command."""
        return CliRunner().invoke(main, ["erase", *arguments], **options)

    def everything(self) -> list[str]:
        """Return all that lies in any store, a text a thing, deflated bodies unpacked."""
        found = [kept.decode(errors="replace") for kept in self.api.everything_kept()]
        for bucket in ("BodiesBucketName", "FailedBucketName", "RecordingsBucketName"):
            found += self._objects(self.outputs[bucket])
        for queue in QUEUES:
            found += [plain(text) for text in self.messages(queue)]
        return found

    def _objects(self, bucket: str) -> list[str]:
        listed = self.s3.list_object_versions(Bucket=bucket)
        found = [f"marker {one['Key']}" for one in listed.get("DeleteMarkers", [])]
        for one in listed.get("Versions", []):
            body = self.s3.get_object(Bucket=bucket, Key=one["Key"], VersionId=one["VersionId"])[
                "Body"
            ].read()
            found.append(f"{one['Key']} {plain(body.decode(errors='replace'), body)}")
        uploads = self.s3.list_multipart_uploads(Bucket=bucket).get("Uploads", [])
        return found + [f"upload {one['Key']}" for one in uploads]

    def messages(self, output: str) -> list[str]:
        """Return the messages of a queue, which stay in it."""
        url, found = self.outputs[output], []
        while batch := self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            found += batch
        for one in found:
            self.sqs.change_message_visibility(
                QueueUrl=url, ReceiptHandle=one["ReceiptHandle"], VisibilityTimeout=0
            )
        return [one["Body"] for one in found]

    def of(self, conversation: str) -> list[str]:
        """Return what is left of a conversation in any store."""
        return of(conversation, self.everything())


def of(conversation: str, found: list[str]) -> list[str]:
    """Return what holds the canary of a conversation, or stands under its own name, in a fixed order."""
    said = f"{CANARY} of {conversation}"
    marks = (f"{said} ", f'{said}"', f"{said}'")
    marks += (f"'conversation#{conversation}'", f"tavus/{conversation}/", f'["{conversation}", ')
    return sorted(one for one in found if any(mark in f"{one} " for mark in marks))


def distribution() -> str:
    """Make a distribution, for its invalidations, and return its id."""
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
    """Make what does not deflate into a row, the same each time."""
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
    """Return a text with whatever is packed in it."""
    try:
        packed = json.loads(text)["body"]
    except (ValueError, KeyError, TypeError):
        packed = None
    for data in (packed and base64.b64decode(packed), raw, raw and b64(raw)):
        try:
            return f"{text[:200]} {zlib.decompress(data or b'').decode()}"
        except zlib.error:
            continue
    return text


def b64(raw: bytes) -> bytes:
    """Return what base64 holds, or nothing."""
    try:
        return base64.b64decode(raw, validate=True)
    except ValueError:
        return b""


@contextmanager
def world_of(api: Api, recordings: Any, template: Any, monkeypatch: Any) -> Any:
    """Add queues and the bucket of failures to a stack, and let commands work on it."""
    s3, sqs = boto3.client("s3", region_name=REGION), boto3.client("sqs", region_name=REGION)
    kept = {name: template.resources[name] for name in MADE}
    deploy(replace(template, resources=kept), SimpleNamespace(s3=s3, sqs=sqs, events=clients.events()))
    outputs = {**template.outputs, "DistributionId": distribution()}
    monkeypatch.setenv("EVENT_BUS", outputs["EventBusName"])
    monkeypatch.setenv("SPILL_QUEUE_URL", outputs["SpillQueueUrl"])
    monkeypatch.setenv("SPILL_SECONDS", "60")
    monkeypatch.setattr(steps, "SETTLE", 0)
    forget()
    made = World(api, recordings, outputs, s3, sqs)
    session = boto3.Session(region_name=REGION)
    deployment = Deployment(session, outputs, ("--stack", "x"))
    monkeypatch.setattr(targets, "choose", lambda *_, **__: Target(made))
    monkeypatch.setattr("tavus_callbacks_cli.deployment.open_deployment", lambda _: deployment)
    for module in (drain, project, resolve):
        monkeypatch.setattr(module.logger.registered_handler, "stream", api.log)
    try:
        yield made
    finally:
        clients.sqs.cache_clear()
        clients.events.cache_clear()


def plant(world: World) -> None:
    """Plant the conversation and its neighbours everywhere."""
    everybody = (ERASED, *NEIGHBOURS)
    for conversation in everybody:
        world.kept(conversation)
        world.recorded(conversation)
    assert [] == project_all(world.api)
    world.failed()
    for conversation in everybody:
        world.quarantined(conversation)
        world.spilled(conversation)
