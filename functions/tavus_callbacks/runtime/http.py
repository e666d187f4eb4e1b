"""Requests and answers of API Gateway's HTTP API (payload 2.0)."""

import base64
import json
from datetime import UTC, datetime
from typing import Any, NamedTuple

from tavus_callbacks.domain.callbacks.redaction import redact
from tavus_callbacks.domain.common.errors import CallbackError, NotPlayable, StoreDown, Unfileable

JSON_TYPE = "application/json"
PROBLEM_TYPE = "application/problem+json"

# Characters of a Content-Encoding that are stored; `x-gzip` has six.
_LONGEST_CODING = 100

# Seconds after which a sender may try again if the store is down.
RETRY_AFTER = "30"


class Request(NamedTuple):
    """The parts of a request that handlers use; `query` is raw, because tags have rules of their own.

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
    """Parse an event of payload 2.0; `received_at` is the gateway's time, in milliseconds."""
    context, body = event["requestContext"], event.get("body") or ""
    return Request(
        method=context["http"]["method"],
        path_parameters=event.get("pathParameters") or {},
        query=event.get("rawQueryString") or "",
        # Payload 2.0 has names of headers in lower case.
        content_encoding=_redact_header((event.get("headers") or {}).get("content-encoding")),
        # Half a surrogate pair, if the gateway passes one on, is not UTF-8: intake rejects it.
        body=base64.b64decode(body)
        if event.get("isBase64Encoded")
        else body.encode("utf-8", "surrogatepass"),
        received_at=datetime.fromtimestamp(context["timeEpoch"] / 1000, UTC),
        request_id=context["requestId"],
    )


def _redact_header(value: str | None) -> str:
    return redact(value, {}).strip()[:_LONGEST_CODING] if value else ""


def answer(status: int, value: object, **headers: str) -> dict[str, Any]:
    """Return an answer with JSON; it is ASCII, so that any text is valid."""
    return _answer(status, json.dumps(value, allow_nan=False), {"content-type": JSON_TYPE, **headers})


def problem(error: CallbackError, **members: object) -> dict[str, Any]:
    """Return an answer with problem details (RFC 9457) and further `members`, such as the quarantine_id."""
    details: dict[str, Any] = {"type": "about:blank", "title": error.title, "status": error.status}
    if str(error):
        # It can repeat a part of the path, which may hold a token that somebody pasted there.
        details["detail"] = redact(str(error), {})
    if isinstance(error, Unfileable) and error.errors:
        details["errors"] = [field._asdict() for field in error.errors]
    if isinstance(error, NotPlayable):
        details["recording_status"] = error.recording_status
    headers = {"retry-after": RETRY_AFTER} if isinstance(error, StoreDown) else {}
    return _answer(error.status, json.dumps(details | members), {"content-type": PROBLEM_TYPE, **headers})


def _answer(status: int, body: str, headers: dict[str, str]) -> dict[str, Any]:
    return {"statusCode": status, "headers": {"cache-control": "no-store", **headers}, "body": body}
