"""Spilled callbacks about who is erased: messages of both queues, and bodies that lie in the bucket for them.

A queue cannot be searched. Its messages are received, held while the others are looked at, and released; what
some other reader holds at that moment is not seen. That is told, and it does no harm: whatever is drained
later meets the tombstone.
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
from tavus_callbacks.domain.callbacks.event import Event
from tavus_callbacks.domain.callbacks.intake import Callback, Rejection, read_callback
from tavus_callbacks.domain.common.errors import StoreDown
from tavus_callbacks.domain.common.tags import parse_tags
from tavus_callbacks.domain.common.timestamps import now
from tavus_callbacks_cli.erasure.place import Left, Piece, Place, Subject, Wanted, gone
from tavus_callbacks_cli.erasure.subject import keys
from tavus_callbacks_cli.operations.redrive_failed import depth

QUEUES = {"SpillQueueUrl": "spill", "SpillDeadQueueUrl": "dead letters of the spill"}
# Only where the stack posts pushes.
PUSH_QUEUES = {"PushQueueUrl": "pushes", "PushDeadQueueUrl": "dead letters of pushes"}

# Seconds that messages are out of the drain's sight while they are looked at.
_HELD = 300
# Messages of a queue that are looked at; an outage of hours can leave more.
LIMIT = 10_000

_PREFIX = "spill/"


@dataclass(slots=True)
class Held:
    """The messages of a queue that are held; those that were deleted are not released."""

    place: Place
    output: str
    messages: list[dict[str, Any]] = field(default_factory=list)
    deleted: set[str] = field(default_factory=set)

    @property
    def url(self) -> str:
        """Return the queue's address."""
        return self.place.deployment.outputs[self.output]

    def delete(self, message: dict[str, Any]) -> None:
        """Delete a message, and the object that holds its body."""
        self.deleted.add(message["ReceiptHandle"])
        key = json.loads(message["Body"]).get("body_key")
        if key is not None:
            self.place.store.bodies.remove(key)
        sqs = self.place.deployment.client("sqs")
        sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])

    def unseen(self) -> Left | None:
        """Tell of messages that somebody else holds, or that are too many; AWS counts approximately."""
        found = depth(self.place.deployment, self.output)
        seen = len(self.messages) - len(self.deleted)
        count = max(0, found.waiting + found.in_flight - seen)
        name = {**QUEUES, **PUSH_QUEUES}[self.output]
        return Left(name, f"{count} messages", "others held them, or they were too many") if count else None


@contextmanager
def held(place: Place, output: str) -> Iterator[Held]:
    """Hold the messages of a queue until the block ends; what is not deleted is in sight again then."""
    queue = Held(place, output)
    sqs = place.deployment.client("sqs")
    try:
        while len(queue.messages) < LIMIT and (batch := _received(sqs, queue.url)):
            queue.messages += batch
        yield queue
    finally:
        for message in queue.messages:
            if message["ReceiptHandle"] not in queue.deleted:
                handle = message["ReceiptHandle"]
                sqs.change_message_visibility(QueueUrl=queue.url, ReceiptHandle=handle, VisibilityTimeout=0)


def _received(sqs: Any, url: str) -> list[dict[str, Any]]:
    answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=_HELD)
    found: list[dict[str, Any]] = answer.get("Messages", [])
    return found


def of_queue(queue: Held, wanted: Wanted) -> Iterator[Piece]:
    """Yield the messages about somebody."""
    for message in queue.messages:
        spilled = _spilled(queue.place, message)
        if spilled is not None and _is_about(wanted, spilled):
            yield Piece("spilled", message["MessageId"], partial(queue.delete, message))


def of_pushes(queue: Held, wanted: Wanted) -> Iterator[Piece]:
    """Yield the pushes about somebody that wait for the team's own server."""
    for message in queue.messages:
        if wanted.is_told_of(json.loads(message["Body"])):
            yield Piece("pushes", message["MessageId"], partial(queue.delete, message))


def events_in(queue: Held) -> Iterator[Event]:
    """Yield the callbacks that wait in a queue of the spill and can be filed."""
    for message in queue.messages:
        spilled = _spilled(queue.place, message)
        read = spilled and read_callback(spilled)
        if isinstance(read, Event):
            yield read


def pushed_in(queue: Held, wanted: Wanted) -> Iterator[Subject]:
    """Yield the subjects of the pushes with the tag."""
    for message in queue.messages:
        event = json.loads(message["Body"])
        if wanted.is_told_of(event):
            yield event["detail"]["kind"], event["detail"]["subject"]


def _spilled(place: Place, message: dict[str, Any]) -> Callback | None:
    """Read a message; None for one whose body is gone, or of a version that we do not know."""
    try:
        return spill.read_message(message["Body"], place.store.bodies.download)
    except StoreDown as error:
        if not gone(error):
            raise
    except (ValueError, KeyError, zlib.error):
        pass
    return None


def _is_about(wanted: Wanted, spilled: Callback) -> bool:
    """Tell whether a callback goes: by its subject, or by its tag or text if it cannot be filed."""
    read = read_callback(spilled)
    if isinstance(read, Rejection):
        return wanted.has_tag(parse_tags(spilled.query).values) or wanted.is_named_in(spilled.raw)
    return (read.kind, read.subject) in wanted.subjects


def of_bucket(place: Place, wanted: Wanted) -> Iterator[Piece | Left]:
    """Yield bodies of spilled callbacks that were drained already: they lie there for two weeks."""
    for key in keys(place, _PREFIX):
        # One that waits still has its tags in its message.
        drained = Callback(_unpacked(place.store.bodies.download(key)), "", "", now())
        if _is_about(wanted, drained):
            yield Piece("spilled bodies", key, partial(place.store.bodies.remove, key))
        elif isinstance(read_callback(drained), Rejection):
            yield from wanted.left_by_name("spilled bodies", key, drained.raw)


def _unpacked(body: bytes) -> bytes:
    """Return a body's own bytes: whether they were deflated stands in the message, which may be gone."""
    packed = base64.b64decode(body)
    try:
        return zlib.decompress(packed)
    except zlib.error:
        return packed
