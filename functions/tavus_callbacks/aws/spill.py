"""The spill: a queue that keeps callbacks while the table cannot, and drains into it.

A message carries the redacted body as it would be stored, in base64, for SQS alters characters that XML does
not know. Above 700 KB the body goes to the bodies bucket first.
"""

import base64
import json
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from tavus_callbacks.aws.errors import store_down
from tavus_callbacks.domain.callbacks.intake import Callback
from tavus_callbacks.domain.common.compression import Packed, unpack
from tavus_callbacks.domain.common.timestamps import iso, parse

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

    from tavus_callbacks.aws.stores.bodies import Bodies

# Bytes of base64 in one message of at most 1 MiB (SQS's limit since 2025; believed, so well below it).
MESSAGE_LIMIT = 700 * 1024

_VERSION = 1


class Spilled(NamedTuple):
    """A callback as it waits: its body is redacted, `query` holds its tags."""

    body: Packed
    query: str
    label: str
    received_at: datetime
    content_encoding: str = ""


class Spill(NamedTuple):
    """The queue, and the bucket for what is too large for it."""

    client: "SQSClient"
    queue_url: str
    bodies: "Bodies"

    def put(self, spilled: Spilled) -> None:
        """Send a callback to the queue; raises StoreDown where it is not certainly there."""
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


def read(text: str, download: Callable[[str], bytes]) -> Callback:
    """Read a message again; `download` fetches a body that lies in the bucket."""
    message: dict[str, Any] = json.loads(text)
    packed = message["body"] if "body" in message else download(message["body_key"])
    received_at = parse(message["received_at"])
    if message["version"] != _VERSION or received_at is None:
        raise ValueError("a spilled message of another version")
    raw = unpack(base64.b64decode(packed), message["encoding"])
    coding = message.get("content_encoding", "")
    return Callback(raw, message["query"], message["label"], received_at, content_encoding=coding)
