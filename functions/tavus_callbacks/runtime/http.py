"""API Gateway's HTTP API: its events (payload 2.0) in, its answers out."""

import base64
import json
from datetime import datetime
from typing import Any, NamedTuple

from tavus_callbacks.domain.callbacks.redaction import redact
from tavus_callbacks.domain.common.errors import CallbackError, NotPlayable, StoreDown, Unfileable
from tavus_callbacks.domain.common.timestamps import from_microseconds

JSON_TYPE = "application/json"
PROBLEM_TYPE = "application/problem+json"

# What Lambda hands back at most, less what an answer is beside its body.
BODY_LIMIT = 6 * 1024 * 1024 - 1024

# Characters of a Content-Encoding that are kept; `x-gzip` has six.
_LONGEST_CODING = 100

# Seconds after which a sender may try again when the store was down.
RETRY_AFTER = "30"


class Request(NamedTuple):
    """What a handler needs of a request; `query` is raw, for tags are read by their own rule.

    `content_encoding` is the redacted header, "" if the request has no such header.
    """

    method: str
    path_parameters: dict[str, str]
    query: str
    content_encoding: str
    body: bytes
    received_at: datetime
    request_id: str


def parse_request(event: dict[str, Any]) -> Request:
    """Read a payload 2.0 event; `received_at` is the gateway's time, to the millisecond."""
    context = event["requestContext"]
    return Request(
        method=context["http"]["method"],
        path_parameters=event.get("pathParameters") or {},
        query=event.get("rawQueryString") or "",
        content_encoding=_content_encoding(event.get("headers") or {}),
        body=_body(event),
        received_at=from_microseconds(context["timeEpoch"] * 1000),
        request_id=context["requestId"],
    )


def _content_encoding(headers: dict[str, str]) -> str:
    # Payload 2.0 has names in lower case.
    value = headers.get("content-encoding")
    return redact(value, {}).strip()[:_LONGEST_CODING] if value else ""


def _body(event: dict[str, Any]) -> bytes:
    body = event.get("body") or ""
    # Half a surrogate pair, where the gateway hands one on, is no UTF-8: refused later, not a crash here.
    return base64.b64decode(body) if event.get("isBase64Encoded") else body.encode("utf-8", "surrogatepass")


def answer(status: int, value: object, **headers: str) -> dict[str, Any]:
    """Answer with JSON; everything beyond ASCII is escaped, so that any text goes out valid."""
    return _answer(status, json.dumps(value, allow_nan=False), {"content-type": JSON_TYPE, **headers})


def fits(body: str) -> bool:
    """Tell whether Lambda hands a body back, which it writes into JSON: quotes and the like count twice."""
    # No character takes more than six bytes.
    return len(body) * 6 <= BODY_LIMIT or len(json.dumps(body, ensure_ascii=False).encode()) <= BODY_LIMIT


def problem(error: CallbackError, **members: object) -> dict[str, Any]:
    """Answer with problem details (RFC 9457); `members` are added, such as the quarantine_id."""
    details: dict[str, Any] = {"type": "about:blank", "title": error.title, "status": error.status}
    if str(error):
        # It can repeat a part of the path, and somebody pastes a token anywhere.
        details["detail"] = redact(str(error), {})
    if isinstance(error, Unfileable) and error.errors:
        details["errors"] = [one._asdict() for one in error.errors]
    if isinstance(error, NotPlayable):
        details["recording_status"] = error.recording_status
    headers = {"retry-after": RETRY_AFTER} if isinstance(error, StoreDown) else {}
    return _answer(error.status, json.dumps(details | members), {"content-type": PROBLEM_TYPE, **headers})


def _answer(status: int, body: str, headers: dict[str, str]) -> dict[str, Any]:
    return {"statusCode": status, "headers": {"cache-control": "no-store", **headers}, "body": body}
