"""The events of objects that S3 sends to EventBridge, derived from successful requests to the embedded S3.

Moto's own notifications miss delete markers in versioned buckets and have members that S3's lack. Shapes are
those of "EventBridge event message structure" in the S3 documentation. The sequencer is the time. Forms that
a browser posts are not noticed.
"""

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
from tavus_callbacks_cli.local_stack.services.wsgi import bucket_and_key, call_application

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

_WRITES = ("PUT", "POST", "DELETE")
_CREATED, _DELETED = "Object Created", "Object Deleted"
_MARKER, _PERMANENT = "Delete Marker Created", "Permanently Deleted"
# A PUT or DELETE with one of these is about a part or a property of an object.
_SUBRESOURCES = {"acl", "legal-hold", "partNumber", "retention", "tagging", "uploadId"}
_DELETED_KEY = re.compile(r"<Deleted>.*?<Key>(.*?)</Key>(.*?)</Deleted>", re.DOTALL)


@dataclass(frozen=True)
class Change:
    """A change of an object; `reason` is the operation, `deletion` is empty if the object was created."""

    bucket: str
    key: str
    reason: str
    deletion: str = ""


@dataclass(frozen=True)
class ObjectFacts:
    """The facts of a stored object; `size` in bytes."""

    size: int
    etag: str
    version: str | None


def report_object_changes(
    application: "WSGIApplication", report: Callable[[list[Change]], object]
) -> "WSGIApplication":
    """Wrap an S3: call `report` after each request that changed objects, before its answer goes out."""

    def reporting(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        bucket, key = bucket_and_key(environ)
        if not bucket or environ["REQUEST_METHOD"] not in _WRITES:
            return application(environ, start_response)
        response = call_application(application, environ)
        if response.status.startswith("2"):
            changes = list(_changes(environ, bucket, key, response.body))
            if changes:
                report(changes)
        return response.send(start_response)

    return reporting


def _changes(environ: "WSGIEnvironment", bucket: str, key: str, body: bytes) -> Iterator[Change]:
    method = environ["REQUEST_METHOD"]
    query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    if method == "POST" and "delete" in query:
        for deleted_key, rest in _DELETED_KEY.findall(body.decode()):
            is_permanent = "<VersionId>" in rest and "<DeleteMarker>" not in rest
            deletion = _PERMANENT if is_permanent else _MARKER
            yield Change(bucket, unescape(deleted_key), "DeleteObject", deletion)
    elif method == "POST" and key and "uploadId" in query:
        yield Change(bucket, key, "CompleteMultipartUpload")
    elif method == "PUT" and key and not query.keys() & _SUBRESOURCES:
        is_copy = "HTTP_X_AMZ_COPY_SOURCE" in environ
        yield Change(bucket, key, "CopyObject" if is_copy else "PutObject")
    elif method == "DELETE" and key and not query.keys() & _SUBRESOURCES:
        yield Change(bucket, key, "DeleteObject", _PERMANENT if "versionId" in query else _MARKER)


def object_event(change: Change, facts: ObjectFacts | None) -> dict[str, Any]:
    """Return the event of a change; `facts` is None if the object is gone."""
    subject: dict[str, Any] = {"key": change.key, "sequencer": f"{time.time_ns():018X}"}
    if facts and not change.deletion:
        subject |= {"size": facts.size, "etag": facts.etag}
    if facts and facts.version:
        subject["version-id"] = facts.version
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": _DELETED if change.deletion else _CREATED,
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
