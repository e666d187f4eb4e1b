"""Fetching a recording: what is there already is kept, and a cut connection or an expired link goes on.

Beside FILE stand FILE.part, the bytes so far, and FILE.part.etag, which object they are of. Both survive the
program, so that the same command goes on where it was. The object's ETag alone decides whether bytes belong
together: it is asked for with If-Range, and compared again, for a cache in between may not know that header.
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import click
import httpx

from tavus_callbacks_cli.output.files import open_append, replace_file
from tavus_callbacks_cli.output.shell import argument

Link = Callable[[], str]
# Called with the bytes so far and, once it is known, the size of the whole.
Progress = Callable[[int, int | None], None]

# Seconds to wait before another try; it gives up when all of them brought nothing.
PAUSES = (1.0, 2.0, 4.0, 8.0)

_CONTENT_RANGE = re.compile(r"bytes (?:(\d+)-\d+|\*)/(\d+)")
_STRONG = re.compile(r'"[!#-~]*"')
_AGAIN = "The same command goes on from there."


class _Interrupted(Exception):
    """The answer was no whole one; the message says why, and another try may help."""


class _Expired(Exception):
    """The link is refused; a fresh one may not be."""


class _Unfit(Exception):
    """The bytes so far are not of this object, or more than it has."""


@dataclass(frozen=True, slots=True)
class Part:
    """The bytes so far of one object."""

    path: Path

    @property
    def size(self) -> int:
        """Return how many bytes are there."""
        return self.path.stat().st_size if self.path.exists() else 0

    @property
    def etag(self) -> str | None:
        """Return the ETag of the object that they are of, None where no strong one is noted."""
        return _strong(self._note.read_text(encoding="latin-1")) if self._note.exists() else None

    @property
    def _note(self) -> Path:
        return self.path.with_name(f"{self.path.name}.etag")

    def begin(self, etag: str | None) -> None:
        """Forget the bytes before those of another object come."""
        self.path.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)
        if etag is not None:
            replace_file(self._note, etag.encode("ascii"))

    def finish(self, file: Path) -> None:
        """Give the bytes their name."""
        self.path.replace(file)
        self._note.unlink(missing_ok=True)


def download(
    client: httpx.Client,
    link: Link,
    file: Path,
    *,
    progress: Progress,
    sleep: Callable[[float], object] = time.sleep,
) -> int:
    """Fetch an object into a file and return its size in bytes; `link` gives a fresh URL.

    Raises click.ClickException with what to do next; what came so far stays.
    """
    part = Part(file.with_name(f"{file.name}.part"))
    try:
        size = _fetch(client, link, part, progress, sleep)
        part.finish(file)
    except OSError as error:
        raise click.ClickException(
            f"{argument(str(file))} cannot be written: {error.strerror}. {_AGAIN}"
        ) from error
    return size


def _fetch(
    client: httpx.Client, link: Link, part: Part, progress: Progress, sleep: Callable[[float], object]
) -> int:
    """Try until the object is whole; what brings bytes may be tried again for ever."""
    url, pauses = link(), list(PAUSES)
    while True:
        before = part.size
        try:
            return _attempt(client, url, part, progress)
        except _Interrupted as error:
            failure = str(error)
        except _Unfit:
            part.begin(None)
            failure = "The object changes all the time"
        except _Expired:
            url, failure = link(), "A fresh link is refused too (403): `tavus-callbacks doctor` looks why"
        pauses = list(PAUSES) if part.size > before else pauses
        if not pauses:
            raise click.ClickException(f"{failure}. {part.size} bytes are kept. {_AGAIN}")
        sleep(pauses.pop(0))


def _attempt(client: httpx.Client, url: str, part: Part, progress: Progress) -> int:
    try:
        with client.stream("GET", url, headers=_headers(part)) as response:
            return _receive(response, part, progress)
    except httpx.TransportError as error:
        raise _Interrupted(f"The connection was cut ({str(error) or type(error).__name__})") from error


def _headers(part: Part) -> dict[str, str]:
    # Not compressed: a range counts the object's own bytes.
    headers = {"accept-encoding": "identity"}
    if part.size and part.etag:
        headers |= {"range": f"bytes={part.size}-", "if-range": part.etag}
    return headers


def _receive(response: httpx.Response, part: Part, progress: Progress) -> int:
    """Append an answer's bytes and return the whole object's size, all of which is there then."""
    if response.status_code == HTTPStatus.OK:
        part.begin(_strong_etag(response))
        whole = _length(response)
    else:
        whole = _continued(response, part)
    if response.status_code != HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        _append(response, part, whole, progress)
    if whole not in (None, part.size):
        raise _Unfit
    return part.size


def _continued(response: httpx.Response, part: Part) -> int:
    """Return the whole object's size, where the answer goes on with the bytes so far; raises otherwise."""
    _refuse_others(response)
    found = _CONTENT_RANGE.fullmatch(response.headers.get("content-range", ""))
    starts_at = int(found[1] or part.size) if found else None
    if found is None or starts_at != part.size or response.headers.get("etag", part.etag) != part.etag:
        raise _Unfit
    return int(found[2])


def _refuse_others(response: httpx.Response) -> None:
    status = response.status_code
    if status == HTTPStatus.FORBIDDEN:
        raise _Expired
    if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise _Interrupted(f"The CDN answered {status}")
    if status not in (HTTPStatus.PARTIAL_CONTENT, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE):
        raise click.ClickException(
            f"The CDN answered {status} instead of the recording; `tavus-callbacks doctor` looks why."
        )


def _append(response: httpx.Response, part: Part, whole: int | None, progress: Progress) -> None:
    with open_append(part.path) as file:
        for piece in response.iter_raw():
            file.write(piece)
            progress(file.tell(), whole)


def _strong_etag(response: httpx.Response) -> str | None:
    return _strong(response.headers.get("etag", ""))


def _strong(etag: str) -> str | None:
    # A weak one says "about the same", which is no ground for joining bytes.
    return etag if _STRONG.fullmatch(etag) else None


def _length(response: httpx.Response) -> int | None:
    text = response.headers.get("content-length", "")
    return int(text) if text.isdigit() else None
