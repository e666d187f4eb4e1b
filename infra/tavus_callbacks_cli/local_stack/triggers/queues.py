"""Event source mappings on SQS queues: each a thread that looks when something was written, or waits there.

Visibility, counting and the move to the dead queue are the embedded service's own. What fails is visible
again after seconds instead of the queue's minutes: somebody who watches would not wait for them. A function
whose role lets it change the visibility decides for itself.
"""

import re
import threading
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from tavus_callbacks_cli.local_stack.account import REGION
from tavus_callbacks_cli.local_stack.functions.functions import FunctionFailed
from tavus_callbacks_cli.local_stack.template.intrinsics import uninterpretable
from tavus_callbacks_cli.local_stack.triggers.waiting import reading

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

    from tavus_callbacks_cli.local_stack.template.template import Resource, Template

_SERVICE = ":sqs:"
_DEFAULT_BATCH = 10
_CHANGE = "sqs:ChangeMessageVisibility"
# Seconds between two looks while messages wait, and the longest that one which failed is out of sight.
_PAUSE, _LONGEST_REST = 0.5, 10
# SQS hands on U+FFFD for what XML 1.0 does not know; the embedded one would hand it on as it is.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class QueueMapping:
    """What the template says of a mapping; `function` is a logical id, `queue` a physical name."""

    function: str
    queue: str
    arn: str
    batch_size: int
    takes_partial_answers: bool
    decides_on_rests: bool


def is_of_queue(resource: "Resource") -> bool:
    """Tell whether an event source mapping reads a queue."""
    return _SERVICE in str(resource.properties.get("EventSourceArn"))


def queue_mappings_of(template: "Template") -> list[QueueMapping]:
    """Read the mappings of a template's queues; raises click.ClickException for what is not understood."""
    mappings = template.of_type("AWS::Lambda::EventSourceMapping")
    return [_mapping(resource, template) for resource in mappings if is_of_queue(resource)]


def _mapping(resource: "Resource", template: "Template") -> QueueMapping:
    properties = resource.properties
    arn = str(properties["EventSourceArn"])
    for name in ("FilterCriteria", "DestinationConfig"):
        if name in properties:
            remedy = "let infra/tavus_callbacks_cli/local_stack/triggers/queues.py interpret it"
            raise uninterpretable(resource.logical_id, f"{name} of a queue", remedy)
    function = template.function(properties["FunctionName"])
    return QueueMapping(
        function=function,
        queue=arn.rpartition(":")[2],
        arn=arn,
        batch_size=int(properties.get("BatchSize", _DEFAULT_BATCH)),
        takes_partial_answers="ReportBatchItemFailures" in properties.get("FunctionResponseTypes", ()),
        decides_on_rests=_CHANGE in _actions(function, template),
    )


def _actions(function: str, template: "Template") -> set[str]:
    role = str(template.resources[function].properties.get("Role", "")).rpartition("/")[2]
    found = [one for one in template.of_type("AWS::IAM::Role") if one.name == role]
    policies = [policy for one in found for policy in one.properties.get("Policies", ())]
    statements = [each for policy in policies for each in policy["PolicyDocument"]["Statement"]]
    actions = [each["Action"] for each in statements]
    return {action for each in actions for action in (each if isinstance(each, list) else [each])}


def draining(
    mapping: QueueMapping, client: "SQSClient", woken: threading.Event, invoke: "Callable[[Any], Any]"
) -> AbstractContextManager[None]:
    """Give a queue's messages to `invoke` until the block ends, those first that wait already."""
    queue = _Queue(mapping, client, invoke)
    return reading(partial(_drain, queue), woken, f"queue {mapping.queue}")


def _drain(queue: "_Queue", woken: threading.Event, ended: threading.Event) -> None:
    while not ended.is_set():
        woken.clear()
        while not ended.is_set() and (batch := queue.receive()):
            queue.take(batch)
        if queue.is_empty():
            woken.wait()
        else:
            ended.wait(_PAUSE)


class _Queue:
    def __init__(self, mapping: QueueMapping, client: "SQSClient", invoke: "Callable[[Any], Any]") -> None:
        self._mapping, self._client, self._invoke = mapping, client, invoke
        self._url = client.get_queue_url(QueueName=mapping.queue)["QueueUrl"]

    def receive(self) -> "Sequence[MessageTypeDef]":
        """Take a batch of messages out of sight."""
        answer = self._client.receive_message(
            QueueUrl=self._url, MaxNumberOfMessages=self._mapping.batch_size, AttributeNames=["All"]
        )
        return answer.get("Messages", [])

    def is_empty(self) -> bool:
        """Tell whether no message waits, in sight or out of it."""
        names: list[Any] = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        counts = self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=names)["Attributes"]
        return not any(map(int, counts.values()))

    def take(self, batch: "Sequence[MessageTypeDef]") -> None:
        """Give a batch to the function: what it took is deleted, the rest comes again."""
        failed = self._failed(batch)
        for message in batch:
            if message["MessageId"] in failed:
                self._let_rest(message)
            else:
                self._client.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])

    def _let_rest(self, message: "MessageTypeDef") -> None:
        if self._mapping.decides_on_rests:
            return
        rest = min(2 ** (int(message["Attributes"]["ApproximateReceiveCount"]) - 1), _LONGEST_REST)
        self._client.change_message_visibility(
            QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=rest
        )

    def _failed(self, batch: "Sequence[MessageTypeDef]") -> set[str]:
        everything = {message["MessageId"] for message in batch}
        try:
            answer = self._invoke({"Records": [_as_sent(message, self._mapping.arn) for message in batch]})
        except FunctionFailed:
            return everything
        return _named(answer, everything) if self._mapping.takes_partial_answers else set()


def _named(answer: Any, everything: set[str]) -> set[str]:
    """Read `{"batchItemFailures": [{"itemIdentifier": …}]}`; one that names no message fails it all."""
    try:
        failed = {failure["itemIdentifier"] for failure in (answer or {}).get("batchItemFailures") or ()}
    except (AttributeError, KeyError, TypeError):
        return everything
    return everything if failed - everything else failed


def _as_sent(message: "MessageTypeDef", arn: str) -> dict[str, Any]:
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": _NOT_XML.sub("\ufffd", message["Body"]),
        "attributes": message["Attributes"],
        "messageAttributes": {},
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "awsRegion": REGION,
    }
