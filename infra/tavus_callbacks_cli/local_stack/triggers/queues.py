"""Event source mappings of SQS queues, each in a thread that reads after a write and while messages wait.

The embedded service itself handles visibility, receive counts and dead-letter queues. Messages that failed
become visible after seconds instead of the queue's minutes, for people who watch. A function whose role may
change the visibility decides itself.
"""

import contextlib
import re
import threading
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tavus_callbacks_cli.local_stack.account import REGION
from tavus_callbacks_cli.local_stack.functions.local_function import FunctionFailed
from tavus_callbacks_cli.local_stack.template.intrinsics import uninterpretable
from tavus_callbacks_cli.local_stack.template.template import as_list
from tavus_callbacks_cli.local_stack.triggers.reader_thread import run_reader

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

    from tavus_callbacks_cli.local_stack.functions.local_function import Invoke
    from tavus_callbacks_cli.local_stack.template.template import Resource, Template

_DEFAULT_BATCH = 10
# Seconds between two reads while messages wait, and the longest time that a failed message is invisible.
_PAUSE, _LONGEST_INVISIBLE = 0.5, 10
# SQS replaces characters that XML 1.0 does not allow by U+FFFD; the embedded service does not.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class QueueMapping:
    """The template's settings of a mapping; `function` is a logical id, `queue` a physical name."""

    function: str
    queue: str
    arn: str
    batch_size: int
    takes_partial_answers: bool
    changes_visibility: bool


def reads_queue(resource: "Resource") -> bool:
    """Tell whether an event source mapping reads a queue."""
    return ":sqs:" in str(resource.properties.get("EventSourceArn"))


def queue_mappings_of(template: "Template") -> list[QueueMapping]:
    """Return the mappings of a template's queues; raises click.ClickException for unsupported ones."""
    mappings = []
    for resource in filter(reads_queue, template.of_type("AWS::Lambda::EventSourceMapping")):
        properties = resource.properties
        arn = str(properties["EventSourceArn"])
        for name in ("FilterCriteria", "DestinationConfig"):
            if name in properties:
                remedy = "let infra/tavus_callbacks_cli/local_stack/triggers/queues.py interpret it"
                raise uninterpretable(resource.logical_id, f"{name} of a queue", remedy)
        function = template.function(properties["FunctionName"])
        statements = template.policy_statements(template.resources[function])
        actions = {action for statement in statements for action in as_list(statement["Action"])}
        mapping = QueueMapping(
            function=function,
            queue=arn.rpartition(":")[2],
            arn=arn,
            batch_size=int(properties.get("BatchSize", _DEFAULT_BATCH)),
            takes_partial_answers="ReportBatchItemFailures" in properties.get("FunctionResponseTypes", ()),
            changes_visibility="sqs:ChangeMessageVisibility" in actions,
        )
        mappings.append(mapping)
    return mappings


def drain_queue(
    mapping: QueueMapping, client: "SQSClient", woken: threading.Event, invoke: "Invoke"
) -> AbstractContextManager[None]:
    """Give a queue's messages to `invoke` until the block ends, first those that wait already."""
    return run_reader(_Queue(mapping, client, invoke).drain, woken, f"queue {mapping.queue}")


class _Queue:
    def __init__(self, mapping: QueueMapping, client: "SQSClient", invoke: "Invoke") -> None:
        self._mapping, self._client, self._invoke = mapping, client, invoke
        self._url = client.get_queue_url(QueueName=mapping.queue)["QueueUrl"]

    def drain(self, woken: threading.Event, ended: threading.Event) -> None:
        """Deliver every message that waits, after each write and until `ended` is set."""
        while not ended.is_set():
            woken.clear()
            while not ended.is_set() and (batch := self.receive()):
                self.deliver(batch)
            if self.is_empty():
                woken.wait()
            else:
                ended.wait(_PAUSE)

    def receive(self) -> "Sequence[MessageTypeDef]":
        """Receive a batch of messages, which become invisible."""
        answer = self._client.receive_message(
            QueueUrl=self._url, MaxNumberOfMessages=self._mapping.batch_size, AttributeNames=["All"]
        )
        return answer.get("Messages", [])

    def is_empty(self) -> bool:
        """Tell whether no message waits, visible or invisible."""
        names: list[Any] = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        counts = self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=names)["Attributes"]
        return not any(map(int, counts.values()))

    def deliver(self, batch: "Sequence[MessageTypeDef]") -> None:
        """Give a batch to the function and delete the messages that succeeded."""
        failed = {message["MessageId"] for message in batch}
        with contextlib.suppress(FunctionFailed):
            answer = self._invoke({"Records": [_record(message, self._mapping.arn) for message in batch]})
            failed = _reported_failures(answer, failed) if self._mapping.takes_partial_answers else set()
        for message in batch:
            handle = message["ReceiptHandle"]
            if message["MessageId"] not in failed:
                self._client.delete_message(QueueUrl=self._url, ReceiptHandle=handle)
            elif not self._mapping.changes_visibility:
                receives = int(message["Attributes"]["ApproximateReceiveCount"])
                seconds = min(2 ** (receives - 1), _LONGEST_INVISIBLE)
                self._client.change_message_visibility(
                    QueueUrl=self._url, ReceiptHandle=handle, VisibilityTimeout=seconds
                )


def _reported_failures(answer: Any, ids: set[str]) -> set[str]:
    """Read `{"batchItemFailures": [{"itemIdentifier": …}]}`; other answers fail the whole batch."""
    try:
        failed = {failure["itemIdentifier"] for failure in (answer or {}).get("batchItemFailures") or ()}
    except (AttributeError, KeyError, TypeError):
        return ids
    return ids if failed - ids else failed


def _record(message: "MessageTypeDef", arn: str) -> dict[str, Any]:
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
