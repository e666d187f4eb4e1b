"""One request through a WSGI application, whole, for those who look at the answer before it goes on."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

OK, BAD_REQUEST, FORBIDDEN = "200 OK", "400 Bad Request", "403 Forbidden"


@dataclass(frozen=True)
class Answered:
    """An answer that nobody has got yet."""

    status: str
    headers: list[tuple[str, str]]
    body: bytes

    def send(self, start_response: "StartResponse") -> Iterable[bytes]:
        """Give it to the server."""
        start_response(self.status, self.headers)
        return [self.body]


def answer_of(application: "WSGIApplication", environ: "WSGIEnvironment") -> Answered:
    """Call an application and take its whole answer."""
    started: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], *_error: Any) -> Any:
        started.append((status, headers))

    body = b"".join(application(environ, start_response))
    return Answered(*started[-1], body)


def bucket_and_key(environ: "WSGIEnvironment") -> tuple[str, str]:
    """Return what a path-style request to S3 is about; the key is empty where it is about a bucket."""
    path = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace")
    bucket, _, key = path.removeprefix("/").partition("/")
    return bucket, key
