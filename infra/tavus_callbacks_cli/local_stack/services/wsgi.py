"""Requests through a WSGI application and their whole responses, for middleware that looks at them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

OK, BAD_REQUEST, FORBIDDEN = "200 OK", "400 Bad Request", "403 Forbidden"


@dataclass(frozen=True)
class Response:
    """A response that is not yet sent."""

    status: str
    headers: list[tuple[str, str]]
    body: bytes

    def send(self, start_response: "StartResponse") -> Iterable[bytes]:
        """Pass it to the server."""
        start_response(self.status, self.headers)
        return [self.body]


def call_application(application: "WSGIApplication", environ: "WSGIEnvironment") -> Response:
    """Call an application and return its whole response."""
    calls: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], *_error: Any) -> Any:
        calls.append((status, headers))

    body = b"".join(application(environ, start_response))
    return Response(*calls[-1], body)


def xml_response(status: str, body: bytes) -> Response:
    """Return a response with a body of XML."""
    return Response(status, [("content-type", "application/xml"), ("content-length", str(len(body)))], body)


def bucket_and_key(environ: "WSGIEnvironment") -> tuple[str, str]:
    """Return the bucket and key of a path-style S3 request; the key of a request to a bucket is empty."""
    path = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace")
    bucket, _, key = path.removeprefix("/").partition("/")
    return bucket, key
