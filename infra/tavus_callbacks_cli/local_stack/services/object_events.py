"""Events of objects, as S3 gives them to EventBridge, made of the requests that the embedded S3 answers well.

Moto's own notifications are silent when a versioned bucket gets a delete marker, and have members that are
not S3's. Shapes as "EventBridge event message structure" of the S3 documentation gives them; the sequencer is
the time, and a form that a browser posts is not seen.
"""

import json
import re
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from html import unescape
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from tavus_callbacks_cli.local_stack.account import ACCOUNT, REGION
from tavus_callbacks_cli.local_stack.services.wsgi import answer_of, bucket_and_key

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

CREATED, DELETED = "Object Created", "Object Deleted"
_MARKER, _FOR_GOOD = "Delete Marker Created", "Permanently Deleted"
# A PUT or DELETE with one of these is about a part or a property of an object.
_SUBRESOURCES = {"acl", "legal-hold", "partNumber", "retention", "tagging", "uploadId"}
_DELETED_KEY = re.compile(r"<Deleted>.*?<Key>(.*?)</Key>(.*?)</Deleted>", re.DOTALL)


@dataclass(frozen=True)
class Change:
    """What happened to an object; `reason` is the operation, `deletion` is empty for one that came."""

    bucket: str
    key: str
    reason: str
    deletion: str = ""


@dataclass(frozen=True)
class Found:
    """What the bucket says of an object; `size` in bytes."""

    size: int
    etag: str
    version: str | None


Look = Callable[[str, str], Found | None]
Tell = Callable[[bytes], object]


def telling(application: "WSGIApplication", tell: Tell, watched: set[str], look: Look) -> "WSGIApplication":
    """Wrap an S3: when a request changed an object of a watched bucket, its event is told, as JSON."""

    def told(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        bucket, key = bucket_and_key(environ)
        if bucket not in watched:
            return application(environ, start_response)
        answered = answer_of(application, environ)
        if answered.status.startswith("2"):
            for change in _changes(environ, bucket, key, answered.body):
                tell(json.dumps(_event(change, look(change.bucket, change.key))).encode())
        return answered.send(start_response)

    return told


def _changes(environ: "WSGIEnvironment", bucket: str, key: str, answer: bytes) -> Iterator[Change]:
    method = environ["REQUEST_METHOD"]
    query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    if method == "POST" and "delete" in query:
        yield from _deleted(bucket, answer)
    elif method == "POST" and key and "uploadId" in query:
        yield Change(bucket, key, "CompleteMultipartUpload")
    elif method == "PUT" and key and not query.keys() & _SUBRESOURCES:
        is_copy = "HTTP_X_AMZ_COPY_SOURCE" in environ
        yield Change(bucket, key, "CopyObject" if is_copy else "PutObject")
    elif method == "DELETE" and key and not query.keys() & _SUBRESOURCES:
        yield Change(bucket, key, "DeleteObject", _FOR_GOOD if "versionId" in query else _MARKER)


def _deleted(bucket: str, answer: bytes) -> Iterator[Change]:
    for key, rest in _DELETED_KEY.findall(answer.decode()):
        deletion = _FOR_GOOD if "<VersionId>" in rest and "<DeleteMarker>" not in rest else _MARKER
        yield Change(bucket, unescape(key), "DeleteObject", deletion)


def _event(change: Change, found: Found | None) -> dict[str, Any]:
    subject: dict[str, Any] = {"key": change.key, "sequencer": f"{time.time_ns():018X}"}
    if found and not change.deletion:
        subject |= {"size": found.size, "etag": found.etag}
    if found and found.version:
        subject["version-id"] = found.version
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": DELETED if change.deletion else CREATED,
        "source": "aws.s3",
        "account": ACCOUNT,
        "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": REGION,
        "resources": [f"arn:aws:s3:::{change.bucket}"],
        "detail": {
            "version": "0",
            "bucket": {"name": change.bucket},
            "object": subject,
            "request-id": uuid.uuid4().hex[:16].upper(),
            "requester": ACCOUNT,
            "source-ip-address": "127.0.0.1",
            "reason": change.reason,
            **({"deletion-type": change.deletion} if change.deletion else {}),
        },
    }
