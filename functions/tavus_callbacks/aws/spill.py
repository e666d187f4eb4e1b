"""The spill: a queue that holds callbacks while the table is down, and drains into it later.

A message holds the redacted body as it would be stored, in base64, because SQS alters characters that XML
lacks. A body over 700 KB goes into the bodies bucket first.
"""

import base64
import json
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from tavus_callbacks.aws.errors import store_down
from tavus_callbacks.domain.callbacks.event import Callback
from tavus_callbacks.domain.common.compression import Packed, unpack
from tavus_callbacks.domain.common.timestamps import iso, parse

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

    from tavus_callbacks.aws.stores.bodies import Bodies

# Bytes of base64 in one message of at most 1 MiB (SQS's limit since 2025; not tried, so well below it).
MESSAGE_LIMIT = 700 * 1024

_VERSION = 1


class SpilledCallback(NamedTuple):
    """A callback that waits. Its body is redacted; `query` holds its tags."""

    body: Packed
    query: str
    label: str
    received_at: datetime
    content_encoding: str = ""


class Spill(NamedTuple):
    """The queue, and the bucket for bodies that are too large for it."""

    client: "SQSClient"
    queue_url: str
    bodies: "Bodies"

    def send(self, spilled: SpilledCallback) -> None:
        """Send a callback to the queue; raises StoreDown if it may not have arrived."""
        packed = base64.b64encode(spilled.body.data).decode()
        body = (
            {"body": packed}
            if len(packed) <= MESSAGE_LIMIT
            else {"body_key": self.bodies.upload("spill", packed.encode())}
        )
        message = {
            "version": _VERSION,
            "query": spilled.query,
            "label": spilled.label,
            "received_at": iso(spilled.received_at),
            "encoding": spilled.body.encoding,
            "content_encoding": spilled.content_encoding,
            **body,
        }
        with store_down():
            self.client.send_message(QueueUrl=self.queue_url, MessageBody=json.dumps(message))


def read_message(text: str, download: Callable[[str], bytes]) -> Callback:
    """Return the callback in a message; `download` fetches a body from the bucket by its key."""
    message: dict[str, Any] = json.loads(text)
    packed = message["body"] if "body" in message else download(message["body_key"])
    received_at = parse(message["received_at"])
    if message["version"] != _VERSION or received_at is None:
        raise ValueError("a spilled message of another version")
    raw = unpack(base64.b64decode(packed), message["encoding"])
    content_encoding = message.get("content_encoding", "")
    return Callback(raw, message["query"], message["label"], received_at, content_encoding=content_encoding)
