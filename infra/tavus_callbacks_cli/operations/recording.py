"""The recordings of a conversation: listing them, a link to one, and downloading it.

A download keeps FILE.part, the bytes so far, and FILE.part.etag, which object they belong to, beside FILE.
Both survive the program, so the same command continues there. The object's ETag alone decides whether bytes
belong together: it is sent with If-Range, and compared again, because a cache may not know that header.
"""

import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click
import httpx

from tavus_callbacks.domain.common.paths import fits_path, subject_path
from tavus_callbacks_cli.operations.subjects import suggest_ids
from tavus_callbacks_cli.output.files import open_append, replace_file
from tavus_callbacks_cli.output.shell import argument
from tavus_callbacks_cli.targets.api_client import ApiClient, NotFound

Link = Callable[[], str]
# Called with the bytes so far and, once it is known, the size of the whole.
Progress = Callable[[int, int | None], None]

# Seconds to wait before another try. It gives up when all of them brought nothing.
PAUSES = (1.0, 2.0, 4.0, 8.0)

_CONTENT_RANGE = re.compile(r"bytes (?:(\d+)-\d+|\*)/(\d+)")
_STRONG = re.compile(r'"[!#-~]*"')
_AGAIN = "Run the same command again to continue."


@dataclass(frozen=True, slots=True)
class Recordings:
    """A conversation's recordings, one of them by its id or as `latest`."""

    api: ApiClient
    conversation: str
    recording: str

    @property
    def path(self) -> str:
        """Return the path of the list."""
        return subject_path("conversation", self.conversation, "recordings")

    def all(self) -> list[dict[str, Any]]:
        """Return all recordings of the conversation."""
        return list(self.api.items(self.path))

    def matches(self) -> list[dict[str, Any]]:
        """Return the recording with the id, or all for `latest`; raises click.ClickException for none."""
        recordings = [each for each in self.all() if self.recording in ("latest", each["recording_id"])]
        if not recordings:
            raise self._missing()
        return recordings

    def link(self) -> dict[str, Any]:
        """Return a fresh link; raises click.ClickException if the recording cannot be played, and why."""
        with suppress(NotFound):
            if fits_path(self.recording):
                return self.api.get(f"{self.path}/{quote(self.recording, safe='')}", {"format": "json"})
        raise self._missing()

    def _missing(self) -> click.ClickException:
        # A mistyped id is answered with similar ones. A conversation that exists lacks only the recording.
        if not self.all():
            with suggest_ids(self.api, self.conversation):
                self.api.get(subject_path("conversation", self.conversation))
        which = "No recording" if self.recording == "latest" else f"No recording {self.recording}"
        return NotFound(
            f"{which} of conversation {argument(self.conversation)} is stored. "
            f"`{self.api.command('show', self.conversation)}` shows the conversation. "
            f"A recording must be enabled and started. `{self.api.command('connect')}` shows how."
        )


def recording_remark(recording: dict[str, Any]) -> str:
    """Return why a recording cannot be played, and its issues; empty for one without a problem."""
    unannounced = "" if recording["announced"] else "no callback announced it"
    # An earlier version of the API does not explain.
    message = (recording["message"] or "").rstrip(" .")
    why = ". ".join(filter(None, [message, recording.get("explanation")]))
    notes = ", ".join(filter(None, [*recording["issues"], unannounced]))
    return f"{why} ({notes})" if why and notes else why or notes


class _Interrupted(Exception):
    """The answer was not whole. The message says why, and another try may help."""


class _Expired(Exception):
    """The link is refused. A fresh one may work."""


class _Changed(Exception):
    """The bytes so far are not of this object, or more than it has."""


@dataclass(frozen=True, slots=True)
class Part:
    """The bytes so far of one object."""

    path: Path

    @property
    def size(self) -> int:
        """Return how many bytes there are."""
        return self.path.stat().st_size if self.path.exists() else 0

    @property
    def etag(self) -> str | None:
        """Return the ETag of their object, or None if no strong one is noted."""
        return strong_etag(self._note.read_text(encoding="latin-1")) if self._note.exists() else None

    @property
    def _note(self) -> Path:
        return self.path.with_name(f"{self.path.name}.etag")

    def begin(self, etag: str | None) -> None:
        """Delete the bytes before those of another object come."""
        self.path.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)
        if etag is not None:
            replace_file(self._note, etag.encode("ascii"))

    def finish(self, file: Path) -> None:
        """Give the bytes their final name."""
        self.path.replace(file)
        self._note.unlink(missing_ok=True)


def strong_etag(etag: str) -> str | None:
    """Return an ETag if it is strong: a weak one means "about the same", too little to join bytes."""
    return etag if _STRONG.fullmatch(etag) else None


def download(
    client: httpx.Client,
    link: Link,
    file: Path,
    *,
    progress: Progress,
    sleep: Callable[[float], object] = time.sleep,
) -> int:
    """Download an object into a file and return its size in bytes; `link` gives a fresh URL.

    Raises click.ClickException with what to do next; the bytes so far stay.
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
    """Try until the object is whole; as long as bytes arrive, it never gives up."""
    url, pauses = link(), list(PAUSES)
    while True:
        before = part.size
        # Not compressed: a range counts the object's own bytes.
        headers = {"accept-encoding": "identity"}
        if before and part.etag:
            headers |= {"range": f"bytes={before}-", "if-range": part.etag}
        try:
            with client.stream("GET", url, headers=headers) as response:
                return _receive(response, part, progress)
        except httpx.TransportError as error:
            failure = f"The connection was cut ({str(error) or type(error).__name__})"
        except _Interrupted as error:
            failure = str(error)
        except _Changed:
            part.begin(None)
            failure = "The recording keeps changing"
        except _Expired:
            url, failure = link(), "A fresh link is refused too (403). `tavus-callbacks doctor` finds out why"
        pauses = list(PAUSES) if part.size > before else pauses
        if not pauses:
            raise click.ClickException(f"{failure}. {part.size} bytes are kept. {_AGAIN}")
        sleep(pauses.pop(0))


def _receive(response: httpx.Response, part: Part, progress: Progress) -> int:
    """Append an answer's bytes and return the whole object's size, once all of it is there."""
    _refuse_status(response.status_code)
    if response.status_code == HTTPStatus.OK:
        part.begin(strong_etag(response.headers.get("etag", "")))
        length = response.headers.get("content-length", "")
        whole = int(length) if length.isdigit() else None
    else:
        match = _CONTENT_RANGE.fullmatch(response.headers.get("content-range", ""))
        start = int(match[1] or part.size) if match else None
        if match is None or start != part.size or response.headers.get("etag", part.etag) != part.etag:
            raise _Changed
        whole = int(match[2])
    if response.status_code != HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        with open_append(part.path) as file:
            for piece in response.iter_raw():
                file.write(piece)
                progress(file.tell(), whole)
    if whole not in (None, part.size):
        raise _Changed
    return part.size


def _refuse_status(status: int) -> None:
    """Raise what an answer without bytes means for another try."""
    if status == HTTPStatus.FORBIDDEN:
        raise _Expired
    if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise _Interrupted(f"The CDN answered {status}")
    partial = (HTTPStatus.PARTIAL_CONTENT, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
    if status not in (HTTPStatus.OK, *partial):
        raise click.ClickException(
            f"The CDN answered {status} instead of the recording. `tavus-callbacks doctor` finds out why."
        )
