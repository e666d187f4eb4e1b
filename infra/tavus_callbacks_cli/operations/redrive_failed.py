"""What functions could not process, as Lambda leaves it in the failed bucket, and giving it to them again.

Shapes and keys as "Retain discarded records for a DynamoDB event source" and "Capturing records of Lambda
asynchronous invocations" of the AWS documentation give them.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tavus_callbacks_cli.local_stack.functions.local_function import LocalFunction
    from tavus_callbacks_cli.targets.aws_stack import Deployment

_PREFIX = "aws/lambda/"
# Seconds that a message is out of sight while it is moved.
_MOVING = 60

# Gives an event to a function by the function's name; returns its answer, or raises NotTaken.
Invoke = Callable[[str, Any], Any]


class NotTaken(Exception):
    """A function failed again; the text says how."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One object of the failed bucket; `event` is what the function is to be given, of so many `records`."""

    key: str
    failed_at: str
    function: str
    condition: str
    records: int
    event: Any


def failures(deployment: "Deployment") -> Iterator[Failure]:
    """Yield what failed, the oldest first."""
    s3, bucket = deployment.client("s3"), deployment.outputs["FailedBucketName"]
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=_PREFIX)
    found = [one for page in pages for one in page.get("Contents", ())]
    for one in sorted(found, key=lambda each: (each["LastModified"], each["Key"])):
        body = s3.get_object(Bucket=bucket, Key=one["Key"])["Body"].read()
        yield _failure(one["Key"], json.loads(body))


def _failure(key: str, record: dict[str, Any]) -> Failure:
    context = record["requestContext"]
    event = json.loads(record["payload"]) if "payload" in record else record["requestPayload"]
    return Failure(
        key=key,
        failed_at=record["timestamp"],
        function=_name(context["functionArn"]),
        condition=context["condition"],
        records=len(event.get("Records", (event,))),
        event=event,
    )


def _name(arn: str) -> str:
    """Return the function's name of an ARN, which may end with a version."""
    return arn.split(":")[6]


def redrive(deployment: "Deployment", failure: Failure, invoke: Invoke) -> None:
    """Give an event to its function and remove the object once it is taken whole; raises NotTaken."""
    answer = invoke(failure.function, failure.event)
    left = answer.get("batchItemFailures") if isinstance(answer, dict) else None
    if left:
        raise NotTaken(f"{len(left)} of {failure.records} records failed again")
    bucket = deployment.outputs["FailedBucketName"]
    deployment.client("s3").delete_object(Bucket=bucket, Key=failure.key)


@contextmanager
def invoking(deployment: "Deployment") -> Iterator[Invoke]:
    """Yield what gives events to functions: on AWS by Lambda, of a local stack by workers of our own."""
    if not deployment.is_local:
        yield lambda name, event: _invoked(deployment, name, event)
        return
    with ExitStack() as cleanup:
        start = cache(lambda name: _started(deployment, name, cleanup))
        yield lambda name, event: _taken_here(start(name), event)


def _invoked(deployment: "Deployment", name: str, event: Any) -> Any:
    answer = deployment.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event).encode())
    content = json.loads(answer["Payload"].read() or b"null")
    if "FunctionError" in answer:
        raise NotTaken(str((content or {}).get("errorType", answer["FunctionError"])))
    return content


def _started(deployment: "Deployment", name: str, cleanup: ExitStack) -> "LocalFunction":
    import tempfile
    from pathlib import Path

    from tavus_callbacks_cli.local_stack.functions.local_function import (
        FunctionHost,
        LocalFunction,
        functions_of,
    )
    from tavus_callbacks_cli.local_stack.state import REPOSITORY
    from tavus_callbacks_cli.local_stack.template.template import load_template

    logs = Path(cleanup.enter_context(tempfile.TemporaryDirectory()))
    # Only the stack itself knows the keys of its functions; here they run with the person's.
    session: Any = deployment.session
    key_id = session.get_credentials().access_key
    place = FunctionHost(deployment.endpoint_url or "", logs, lambda _: key_id)
    template = load_template(REPOSITORY / "template.yaml", dict(deployment.parameters))
    found = functions_of(template, place)
    started = LocalFunction(next(each for each in found if each.arn.endswith(f":{name}")))
    cleanup.callback(started.stop)
    return started


def _taken_here(function: "LocalFunction", event: Any) -> Any:
    from tavus_callbacks_cli.local_stack.functions.local_function import FunctionFailed

    try:
        return function.invoke(event)
    except FunctionFailed as error:
        raise NotTaken(str(error)) from error


@dataclass(frozen=True, slots=True)
class Depth:
    """How many messages a queue holds: in sight, and those that are being tried."""

    waiting: int
    in_flight: int


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue and its dead queue, by their outputs, and what waits in it."""

    output: str
    dead: str
    holds: str


QUEUES = (
    Queue("SpillQueueUrl", "SpillDeadQueueUrl", "spilled callbacks"),
    Queue("PushQueueUrl", "PushDeadQueueUrl", "pushes"),
)


def depth(deployment: "Deployment", output: str) -> Depth:
    """Ask how many messages the queue of an output holds, none where the stack has none such.

    AWS counts approximately.
    """
    if output not in deployment.outputs:
        return Depth(0, 0)
    names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
    url = deployment.outputs[output]
    found = deployment.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=list(names))
    return Depth(*(int(found["Attributes"][name]) for name in names))


def dead_letters(deployment: "Deployment") -> dict[str, int]:
    """Return how many messages wait in the dead queues, by what they are; without those that hold none."""
    counts = {queue.holds: depth(deployment, queue.dead).waiting for queue in QUEUES}
    return {holds: count for holds, count in counts.items() if count}


def move_dead(deployment: "Deployment") -> int:
    """Move the messages of the dead queues into their queues again; return how many."""
    return sum(_moved(deployment, queue) for queue in QUEUES if queue.dead in deployment.outputs)


def _moved(deployment: "Deployment", queue: Queue) -> int:
    sqs = deployment.client("sqs")
    dead, alive = deployment.outputs[queue.dead], deployment.outputs[queue.output]
    moved = 0
    while batch := _received(sqs, dead):
        for message in batch:
            # Sent before it is deleted: twice in the queue is one event, and nowhere is none.
            sqs.send_message(QueueUrl=alive, MessageBody=message["Body"])
            sqs.delete_message(QueueUrl=dead, ReceiptHandle=message["ReceiptHandle"])
        moved += len(batch)
    return moved


def _received(sqs: Any, url: str) -> Sequence[dict[str, Any]]:
    answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=_MOVING)
    found: Sequence[dict[str, Any]] = answer.get("Messages", ())
    return found
