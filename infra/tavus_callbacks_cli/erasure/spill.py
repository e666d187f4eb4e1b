"""Spilled callbacks about the selected subjects: messages of both queues, and large bodies in the bucket.

A queue cannot be searched. Its messages are received, held while the others are looked at, and released.
Messages that another reader holds at that moment are not seen. The receipt says so, and it does no harm:
whatever is drained later meets the tombstone.
"""

import base64
import json
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from tavus_callbacks.aws import spill
from tavus_callbacks.domain.callbacks.event import Callback, Event
from tavus_callbacks.domain.callbacks.intake import Rejection, read_callback
from tavus_callbacks.domain.common.errors import StoreDown
from tavus_callbacks.domain.common.tags import parse_tags
from tavus_callbacks.domain.common.timestamps import now
from tavus_callbacks_cli.erasure.pieces import Leftover, Piece, is_missing_object, leftovers_by_name
from tavus_callbacks_cli.erasure.quarantine import try_inflate
from tavus_callbacks_cli.erasure.subject import body_keys
from tavus_callbacks_cli.operations.failed import queue_depth, receive_messages
from tavus_callbacks_cli.operations.selection import Selection, Subject
from tavus_callbacks_cli.targets.aws_stack import Deployment
from tavus_callbacks_cli.targets.store import Store

QUEUES = {"SpillQueueUrl": "spill", "SpillDeadQueueUrl": "dead letters of the spill"}
# Only if the stack posts pushes.
PUSH_QUEUES = {"PushQueueUrl": "pushes", "PushDeadQueueUrl": "dead letters of pushes"}

# Seconds that messages are invisible to the drain while they are looked at.
_HOLD = 300
# Messages of a queue that are looked at; an outage of hours can leave more.
LIMIT = 10_000

_PREFIX = "spill/"


@dataclass(slots=True)
class HeldQueue:
    """The messages of a queue that are held; deleted ones are not released."""

    deployment: Deployment
    output: str
    messages: list[dict[str, Any]] = field(default_factory=list)
    deleted: set[str] = field(default_factory=set)

    @property
    def url(self) -> str:
        """Return the queue's address."""
        return self.deployment.outputs[self.output]

    def delete(self, message: dict[str, Any]) -> None:
        """Delete a message, and the object that holds its body."""
        self.deleted.add(message["ReceiptHandle"])
        key = json.loads(message["Body"]).get("body_key")
        if key is not None:
            self.deployment.store.bodies.remove(key)
        sqs = self.deployment.client("sqs")
        sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])

    def unseen_messages(self) -> list[Leftover]:
        """Return messages that others hold, or that are too many, as a leftover; AWS counts approximately."""
        depth = queue_depth(self.deployment, self.output)
        seen = len(self.messages) - len(self.deleted)
        count = depth.waiting + depth.in_flight - seen
        name = {**QUEUES, **PUSH_QUEUES}[self.output]
        reason = "others held them, or they were too many"
        return [Leftover(name, f"{count} messages", reason)] if count > 0 else []


@contextmanager
def hold_queue(deployment: Deployment, output: str) -> Iterator[HeldQueue]:
    """Hold the messages of a queue until the block ends; then the remaining ones are visible again."""
    queue = HeldQueue(deployment, output)
    sqs = deployment.client("sqs")
    try:
        while len(queue.messages) < LIMIT and (batch := receive_messages(sqs, queue.url, _HOLD)):
            queue.messages += batch
        yield queue
    finally:
        for message in queue.messages:
            if message["ReceiptHandle"] not in queue.deleted:
                handle = message["ReceiptHandle"]
                sqs.change_message_visibility(QueueUrl=queue.url, ReceiptHandle=handle, VisibilityTimeout=0)


def spill_pieces(queue: HeldQueue, selection: Selection) -> Iterator[Piece]:
    """Yield the messages about the subjects."""
    for message in queue.messages:
        callback = _read_message(queue.deployment.store, message)
        if callback is not None and _is_selected(selection, callback):
            yield Piece("spilled", message["MessageId"], partial(queue.delete, message))


def push_pieces(queue: HeldQueue, selection: Selection) -> Iterator[Piece]:
    """Yield the pushes about the subjects that wait for the team's own server."""
    for message in queue.messages:
        if selection.takes_push(json.loads(message["Body"])):
            yield Piece("pushes", message["MessageId"], partial(queue.delete, message))


def spilled_events(queue: HeldQueue) -> Iterator[Event]:
    """Yield the callbacks in a queue of the spill that can be filed."""
    for message in queue.messages:
        callback = _read_message(queue.deployment.store, message)
        event = callback and read_callback(callback)
        if isinstance(event, Event):
            yield event


def pushed_subjects(queue: HeldQueue, selection: Selection) -> Iterator[Subject]:
    """Yield the subjects of the pushes with the tag."""
    for message in queue.messages:
        event = json.loads(message["Body"])
        if selection.takes_push(event):
            yield event["detail"]["kind"], event["detail"]["subject"]


def _read_message(store: Store, message: dict[str, Any]) -> Callback | None:
    """Return the callback of a message; None if its body is gone, or its version is unknown."""
    try:
        return spill.read_message(message["Body"], store.bodies.download)
    except StoreDown as error:
        if not is_missing_object(error):
            raise
    except (ValueError, KeyError, zlib.error):
        pass
    return None


def _is_selected(selection: Selection, callback: Callback) -> bool:
    """Tell whether a callback is selected: by its subject, or by its tag or text if it cannot be filed."""
    event = read_callback(callback)
    if isinstance(event, Rejection):
        return selection.has_tag(parse_tags(callback.query).values) or selection.takes_text(callback.raw)
    return (event.kind, event.subject) in selection.subjects


def spilled_body_pieces(store: Store, selection: Selection) -> Iterator[Piece | Leftover]:
    """Yield the bodies of spilled callbacks that are drained already: they stay for two weeks."""
    for key in body_keys(store, _PREFIX):
        # One that still waits has its tags in its message.
        body = try_inflate(base64.b64decode(store.bodies.download(key)))
        callback = Callback(body, "", "", now())
        if _is_selected(selection, callback):
            yield Piece("spilled bodies", key, partial(store.bodies.remove, key))
        elif isinstance(read_callback(callback), Rejection):
            yield from leftovers_by_name(selection, "spilled bodies", key, body)
