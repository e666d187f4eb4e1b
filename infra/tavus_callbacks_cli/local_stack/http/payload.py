"""Converts HTTP requests to Lambda events and Lambda answers to HTTP answers, in payload format 2.0.

Pure. Source: "Create AWS Lambda proxy integrations for HTTP APIs" in the API Gateway developer guide. [K]
marks what the guide leaves open and we believe.
"""

import base64
import binascii
import json
import re
import time
import uuid
from collections.abc import AsyncGenerator, Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

from tavus_callbacks_cli.local_stack.account import ACCOUNT

if TYPE_CHECKING:
    from tavus_callbacks_cli.local_stack.http.routes import Route

BODY_LIMIT = 10 * 1024 * 1024
EVENT_LIMIT = 6 * 1024 * 1024

# Others tried this on AWS (ministackorg/ministack#766): these types are text. Everything else is base64, also
# forms and bodies without a content type.
_TEXT_TYPES = {"application/json", "application/xml", "application/javascript"}
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_OWN_HEADERS = {"connection", "content-length", "transfer-encoding"}
_FIRST_STATUS, _LAST_STATUS = 200, 599


@dataclass(frozen=True)
class Request:
    """An HTTP request as received; header names and values are bytes, the path is still encoded."""

    method: str
    path: bytes
    query: bytes = b""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes = b""
    source_ip: str = "127.0.0.1"
    protocol: str = "HTTP/1.1"


@dataclass(frozen=True)
class Answer:
    """An HTTP answer; header names in lower case."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True)
class Stream:
    """A successful answer without an end; `chunks` runs on the event loop, so it occupies no thread."""

    headers: tuple[tuple[str, str], ...]
    chunks: Callable[[], AsyncGenerator[bytes, None]]


Handle = Callable[[Request], Answer]


class BadAnswer(Exception):
    """The handler returned something that API Gateway cannot turn into an answer."""


def gateway_answer(status: int, message: str) -> Answer:
    """Return an answer of API Gateway itself."""
    body = json.dumps({"message": message}, separators=(",", ":")).encode()
    return Answer(status, (("content-type", "application/json"),), body)


def raw_path(path: bytes) -> str:
    """Decode a path as HTTP APIs do: first decode percent escapes, then cut at a decoded `?`."""
    # Invalid UTF-8 becomes U+FFFD [K].
    return unquote(path.decode("latin-1"), errors="replace").split("?", 1)[0]


def make_event(
    request: Request, route: "Route", parameters: dict[str, str], *, now: float | None = None
) -> dict[str, Any]:
    """Return the event of a request; `now` in seconds since 1970."""
    pairs = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in request.headers]
    headers = _join_repeated((name, value) for name, value in pairs if name != "cookie")
    cookies = [cookie.strip() for name, value in pairs if name == "cookie" for cookie in value.split(";")]
    query = request.query.decode("latin-1")
    event = {
        "version": "2.0",
        "routeKey": route.key,
        "rawPath": raw_path(request.path),
        "rawQueryString": query,
        "cookies": [cookie for cookie in cookies if cookie],
        "headers": headers,
        "queryStringParameters": _join_repeated(parse_qsl(query, keep_blank_values=True, errors="replace")),
        "requestContext": _request_context(request, route, headers, time.time() if now is None else now),
        "pathParameters": parameters,
        **_body(request.body, headers.get("content-type", "")),
    }
    optional = ("cookies", "queryStringParameters", "pathParameters")
    return {name: value for name, value in event.items() if value or name not in optional}


def encode_event(event: dict[str, Any]) -> bytes:
    """Return the JSON that counts towards Lambda's limit of 6 MB."""
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _join_repeated(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    values: dict[str, str] = {}
    for name, value in pairs:
        values[name] = f"{values[name]},{value}" if name in values else value
    return values


def _request_context(request: Request, route: "Route", headers: dict[str, str], now: float) -> dict[str, Any]:
    domain = headers.get("host", "localhost")
    return {
        "accountId": ACCOUNT,
        "apiId": "local",
        "domainName": domain,
        "domainPrefix": domain.split(".", 1)[0],
        "http": {
            "method": request.method,
            "path": raw_path(request.path),
            "protocol": request.protocol,
            "sourceIp": request.source_ip,
            "userAgent": headers.get("user-agent", ""),
        },
        "requestId": base64.b64encode(uuid.uuid4().bytes[:11]).decode(),
        "routeKey": route.key,
        "stage": "$default",
        "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
        "timeEpoch": int(now * 1000),
    }


def _body(body: bytes, content_type: str) -> dict[str, Any]:
    if not body:
        return {"isBase64Encoded": False}
    media_type = content_type.split(";", 1)[0].strip().lower()
    if media_type.startswith("text/") or media_type in _TEXT_TYPES:
        try:
            return {"body": body.decode(), "isBase64Encoded": False}
        except UnicodeDecodeError:  # AWS does not document text that is not UTF-8 [K]
            pass
    return {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}


def make_answer(result: Any) -> Answer:
    """Turn the result of a handler into an HTTP answer; raises BadAnswer.

    A result without `statusCode` is the JSON body of a 200.
    """
    if not isinstance(result, dict) or "statusCode" not in result:
        text = result if isinstance(result, str) else json.dumps(result)
        return Answer(200, (("content-type", "application/json"),), text.encode("utf-8", "replace"))
    try:
        status = int(result["statusCode"])
    except (TypeError, ValueError) as error:
        raise BadAnswer(f"statusCode {result['statusCode']!r}") from error
    if not _FIRST_STATUS <= status <= _LAST_STATUS:
        raise BadAnswer(f"statusCode {status}")
    body = b"" if status in {204, 304} else _answer_body(result)
    return Answer(status, _answer_headers(result), body)


def _answer_body(result: dict[str, Any]) -> bytes:
    body = result.get("body") or ""
    if not isinstance(body, str):
        raise BadAnswer("its body is not text")
    if not result.get("isBase64Encoded"):
        return body.encode("utf-8", "replace")
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadAnswer("its body is not base64") from error


def _answer_headers(result: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    members, cookies = result.get("headers") or {}, result.get("cookies") or []
    if not isinstance(members, dict) or not isinstance(cookies, list):
        raise BadAnswer("its headers are not an object, or its cookies are not a list")
    texts = {
        name: json.dumps(value) if isinstance(value, bool) else str(value) for name, value in members.items()
    }
    headers = [(str(name).lower(), text) for name, text in texts.items()]
    headers += [("set-cookie", str(cookie)) for cookie in cookies]
    for name, value in headers:
        if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
            raise BadAnswer(f"header {name!r}")
    if "content-type" not in dict(headers):
        headers.append(("content-type", "text/plain;charset=UTF-8"))
    return tuple((name, value) for name, value in headers if name not in _OWN_HEADERS)
