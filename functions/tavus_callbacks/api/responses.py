"""Answers in JSON, as all routes give them, and gzip for clients that accept it."""

import base64
import json
import re
import zlib
from collections.abc import Callable, Iterator
from typing import Any

from aws_lambda_powertools.event_handler import Response

from tavus_callbacks.runtime.http import JSON_TYPE

NO_STORE = {"cache-control": "no-store"}

# Lambda returns at most this many bytes, less what an answer is beside its body.
BODY_LIMIT = 6 * 1024 * 1024 - 1024

# Smaller answers, in bytes, are not worth the time. Level 1 makes 62 KB of a transcript of 378 KB in 2 ms,
# level 6 makes 52 KB in 7 ms.
_WORTH_GZIP, _LEVEL = 16 * 1024, 1
_GZIP_FORM = zlib.MAX_WBITS | 16
_WEIGHT = re.compile(r"\s*q\s*=\s*(0(\.[0-9]{0,3})?|1(\.0{0,3})?)\s*", re.IGNORECASE)

View = dict[str, Any]


def json_answer(
    view: View, truncate: Callable[[View], Iterator[View]] | None = None, *, accept_encoding: str = ""
) -> Response[str]:
    """Return a JSON response. `truncate` yields ever smaller views, for one that Lambda would not return."""
    text = _write(view)
    if truncate and not _is_deliverable(text, accept_encoding):
        for smaller in truncate(view):
            text = _write(smaller)
            if _is_deliverable(text, accept_encoding):
                break
    return Response(200, JSON_TYPE, text, NO_STORE)


def compress(answer: dict[str, Any], accept_encoding: str) -> dict[str, Any]:
    """Return an answer of payload 2.0 as gzip if it is large and the client accepts that."""
    body = answer["body"]
    raw = base64.b64decode(body) if answer.get("isBase64Encoded") else body.encode("utf-8", "replace")
    if len(raw) <= _WORTH_GZIP:
        return answer
    headers = {**answer["headers"], "vary": "accept-encoding"}
    if not accepts_gzip(accept_encoding):
        return {**answer, "headers": headers}
    headers["content-encoding"] = "gzip"
    return {**answer, "headers": headers, "body": _gzip(raw), "isBase64Encoded": True}


def accepts_gzip(accept_encoding: str) -> bool:
    """Return whether a client prefers gzip to plain bytes, by its header: RFC 9110, section 12.5.3."""
    weights: dict[str, float] = {}
    for part in accept_encoding.split(","):
        coding, has_weight, weight = part.partition(";")
        match = _WEIGHT.fullmatch(weight)
        # A weight that cannot be read refuses the coding.
        weights[coding.strip().lower()] = 1.0 if not has_weight else float(match[1]) if match else 0.0
    gzip = weights.get("gzip", weights.get("x-gzip", weights.get("*", 0.0)))
    return gzip > 0 and gzip >= weights.get("identity", 0.0)


def fits(body: str) -> bool:
    """Return whether Lambda returns a body, which it writes into JSON: quotes and the like count twice."""
    # No character takes more than six bytes.
    return len(body) * 6 <= BODY_LIMIT or len(json.dumps(body, ensure_ascii=False).encode()) <= BODY_LIMIT


def _is_deliverable(text: str, accept_encoding: str) -> bool:
    return fits(text) or (accepts_gzip(accept_encoding) and fits(_gzip(text.encode())))


def _gzip(raw: bytes) -> str:
    return base64.b64encode(zlib.compress(raw, _LEVEL, _GZIP_FORM)).decode()


def _write(view: View) -> str:
    """Write JSON in UTF-8; escaped, most scripts would take three times the room."""
    return json.dumps(view, ensure_ascii=False, allow_nan=False)
