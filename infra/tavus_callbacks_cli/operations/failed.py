"""Events that functions could not process, in the failed bucket, and dead letters of queues.

Shapes and keys follow "Retain discarded records for a DynamoDB event source" and "Capturing records of Lambda
asynchronous invocations" of the AWS documentation.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tavus_callbacks.aws.dead_letters import PREFIX, REDRIVEN
from tavus_callbacks_cli.operations.ids import LATEST
from tavus_callbacks_cli.targets.functions import FunctionError, Invoke

if TYPE_CHECKING:
    from tavus_callbacks_cli.targets.aws_stack import Deployment

# Seconds that a message is invisible while it is moved.
_MOVING = 60


@dataclass(frozen=True, slots=True)
class Failure:
    """One object of the failed bucket; `event` is the event of the function, with so many `records`."""

    key: str
    failed_at: str
    function: str
    condition: str
    records: int
    event: Any

    def as_json(self) -> dict[str, Any]:
        """Return it for programs, without the event."""
        return {
            "id": self.key,
            "failed_at": self.failed_at,
            "function": self.function,
            "condition": self.condition,
            "records": self.records,
        }


@dataclass(frozen=True, slots=True)
class Depth:
    """How many messages of a queue wait, and how many are being tried."""

    waiting: int
    in_flight: int


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue and its dead-letter queue, by their outputs, and what it holds."""

    output: str
    dead: str
    holds: str


QUEUES = (
    Queue("SpillQueueUrl", "SpillDeadQueueUrl", "spilled callbacks"),
    Queue("PushQueueUrl", "PushDeadQueueUrl", "pushes"),
)


def choose_failures(failures: list[Failure], id_: str | None) -> list[Failure]:
    """Return the failure with an id, the newest for `latest`, or all of them without an id."""
    if id_ == LATEST:
        return failures[-1:]
    return [failure for failure in failures if id_ in (None, failure.key)]


def list_failures(deployment: "Deployment") -> Iterator[Failure]:
    """Yield the failed batches, the oldest first."""
    s3, bucket = deployment.client("s3"), deployment.outputs["FailedBucketName"]
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=PREFIX)
    objects = [each for page in pages for each in page.get("Contents", ())]
    for each in sorted(objects, key=lambda entry: (entry["LastModified"], entry["Key"])):
        batch = json.loads(s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read())
        event, context = batch_event(batch), batch["requestContext"]
        yield Failure(
            key=each["Key"],
            failed_at=batch["timestamp"],
            # An ARN may end with a version.
            function=context["functionArn"].split(":")[6],
            condition=context["condition"],
            records=len(event.get("Records", (event,))),
            event=event,
        )


def batch_event(batch: dict[str, Any]) -> dict[str, Any]:
    """Return the event that a function could not process."""
    event: dict[str, Any] = json.loads(batch["payload"]) if "payload" in batch else batch["requestPayload"]
    return event


def redrive(deployment: "Deployment", failure: Failure, invoke: Invoke) -> None:
    """Call the function with the event again, and remove the object if all succeeds; raises FunctionError."""
    event = {**failure.event, REDRIVEN: True} if "Records" in failure.event else failure.event
    answer = invoke(failure.function, event)
    failures = answer.get("batchItemFailures") if isinstance(answer, dict) else None
    if failures:
        raise FunctionError(f"{len(failures)} of {failure.records} records failed again")
    bucket = deployment.outputs["FailedBucketName"]
    deployment.client("s3").delete_object(Bucket=bucket, Key=failure.key)


def queue_depth(deployment: "Deployment", output: str) -> Depth:
    """Return how many messages the queue of an output holds, 0 if the stack has no such queue.

    AWS counts approximately.
    """
    if output not in deployment.outputs:
        return Depth(0, 0)
    names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
    url = deployment.outputs[output]
    answer = deployment.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=list(names))
    return Depth(*(int(answer["Attributes"][name]) for name in names))


def dead_letters(deployment: "Deployment") -> dict[str, int]:
    """Return how many dead letters there are, by what the queue holds; empty queues are left out."""
    counts = {queue.holds: queue_depth(deployment, queue.dead).waiting for queue in QUEUES}
    return {holds: count for holds, count in counts.items() if count}


def move_dead_letters(deployment: "Deployment") -> int:
    """Move the dead letters back into their queues and return how many."""
    sqs, count = deployment.client("sqs"), 0
    for queue in QUEUES:
        if queue.dead not in deployment.outputs:
            continue
        dead, alive = deployment.outputs[queue.dead], deployment.outputs[queue.output]
        while batch := receive_messages(sqs, dead, _MOVING):
            for message in batch:
                # Sent before it is deleted: twice in the queue is still one event, and never none.
                sqs.send_message(QueueUrl=alive, MessageBody=message["Body"])
                sqs.delete_message(QueueUrl=dead, ReceiptHandle=message["ReceiptHandle"])
            count += len(batch)
    return count


def receive_messages(sqs: Any, url: str, seconds: int) -> list[dict[str, Any]]:
    """Return some messages of a queue and make them invisible for so many seconds."""
    answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=seconds)
    messages: list[dict[str, Any]] = answer.get("Messages", [])
    return messages
