"""The CDN: serves objects of the embedded S3 for signed URLs, as the template's distribution does.

It has no cache. Requests go to S3 as CloudFront sends them: the path unchanged, only the query strings of the
cache policy, and an access key that may get objects but list nothing.
"""

import re
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from tavus_callbacks_cli.local_stack.cdn.signed_url import Refused, parse_signed_url, verify
from tavus_callbacks_cli.local_stack.http.payload import Answer, Request
from tavus_callbacks_cli.local_stack.services.access_keys import authorization
from tavus_callbacks_cli.local_stack.services.cors import matches_any

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

    from tavus_callbacks_cli.local_stack.cdn.distribution import Distribution

_RESPONSE_HEADERS = (
    "accept-ranges",
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-length",
    "content-range",
    "content-type",
    "etag",
    "last-modified",
    "x-amz-version-id",
)
# A single range, which CloudFront and S3 support; they answer any other Range with the whole object.
_RANGE = re.compile(r"bytes=(\d{0,40})-(\d{0,40})", re.ASCII)

Headers = list[tuple[str, str]]


@dataclass(frozen=True)
class Cdn:
    """A running distribution; `public_keys` holds all keys by id."""

    distribution: "Distribution"
    base_url: str
    endpoint_url: str
    key_id: str
    public_keys: "Mapping[str, EllipticCurvePublicKey]"
    clock: Callable[[], float] = field(default=time.time)

    def handle(self, request: Request) -> Answer:
        """Answer a request; any thread may call this."""
        answer = self._answer(request)
        added = [*self.distribution.fixed_headers.items(), *_cors(self.distribution.cors, request)]
        return Answer(answer.status, (*answer.headers, *added), answer.body)

    def _answer(self, request: Request) -> Answer:
        if request.method not in self.distribution.methods:
            return _refusal("AccessDenied", "This distribution does not allow the HTTP request method")
        path, query = request.path.decode("latin-1"), request.query.decode("latin-1")
        signed = parse_signed_url(self.base_url, path, query)
        if self.distribution.is_signed:
            trusted = {name: self.public_keys[name] for name in self.distribution.trusted_keys}
            try:
                verify(signed, trusted, self.clock())
            except Refused as refused:
                return _refusal(refused.code, str(refused))
        return self._from_origin(request, path, signed.query)

    def _from_origin(self, request: Request, path: str, query: str) -> Answer:
        names = self.distribution.query_strings
        parts = "&".join(part for part in query.split("&") if part.partition("=")[0] in names)
        target = f"/{self.distribution.bucket}{path}{'?' if parts else ''}{parts}"
        received = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers]
        forwarded = {
            name: value
            for name, value in received
            if name.lower() in self.distribution.request_headers
            and (name.lower() != "range" or _is_valid_range(value))
        }
        headers_sent = {**forwarded, "Authorization": authorization(self.key_id, "s3")}
        with closing(HTTPConnection(self.endpoint_url.removeprefix("http://"), timeout=30)) as origin:
            # S3 overrides headers in its answer to a HEAD too, moto does not.
            method = "GET" if request.method == "HEAD" else request.method
            origin.request(method, target, headers=headers_sent)
            answer = origin.getresponse()
            body = answer.read()
        headers = [(name.lower(), value) for name, value in answer.getheaders()]
        kept = tuple(each for each in headers if each[0] in _RESPONSE_HEADERS)
        return Answer(answer.status, kept, b"" if request.method == "HEAD" else body)


def _is_valid_range(value: str) -> bool:
    match = _RANGE.fullmatch(value)
    first, last = match.groups() if match else ("", "")
    return bool(first or last) and not (first and last and int(first) > int(last))


def _cors(settings: Mapping[str, Any], request: Request) -> Headers:
    sent = {name.lower(): value.decode("latin-1") for name, value in request.headers}
    origin = sent.get(b"origin")
    origins = _items(settings, "AccessControlAllowOrigins")
    if origin is None or not matches_any(origin, origins):
        return []
    is_for_all = "*" in origins
    added = [("access-control-allow-origin", "*" if is_for_all else origin)]
    added += [] if is_for_all else [("vary", "Origin")]
    if request.method == "OPTIONS" and b"access-control-request-method" in sent:
        added += [
            ("access-control-allow-methods", ", ".join(_items(settings, "AccessControlAllowMethods"))),
            ("access-control-allow-headers", ", ".join(_items(settings, "AccessControlAllowHeaders"))),
            ("access-control-max-age", str(settings["AccessControlMaxAgeSec"])),
        ]
    exposed = ", ".join(_items(settings, "AccessControlExposeHeaders"))
    return [*added, ("access-control-expose-headers", exposed)]


def _items(settings: Mapping[str, Any], name: str) -> list[str]:
    items: list[str] = settings.get(name, {}).get("Items", [])
    return items


def _refusal(code: str, message: str) -> Answer:
    body = (
        f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code>'
        f"<Message>{escape(message)}</Message></Error>"
    )
    return Answer(403, (("content-type", "text/xml"),), body.encode())
