"""The file of `replay --resume`: the outcome of each post, so that another run posts only the rest.

    {"tavus_callbacks_replay": 1, "to": "8c1f…", "since": "2027-03-01T…"}
    {"event_id": "…", "outcome": "taken", …}           a line for each post, written before the next post

The first line binds the file to a URL by its digest, because a URL may hold a secret. It also keeps the time
at which the first run began to read: "2h ago" is another time an hour later. A kill leaves at most one line
that is not whole. The next run cuts it off.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import click

from tavus_callbacks.domain.common import timestamps
from tavus_callbacks.domain.common.digests import digest
from tavus_callbacks.domain.common.timestamps import iso
from tavus_callbacks_cli.output.shell import argument

_VERSION, _NAME = 1, "tavus_callbacks_replay"


@dataclass(frozen=True, slots=True)
class ReplayFile:
    """What earlier runs did, and where to note outcomes; without a file nothing is noted.

    `taken` are the ids of the events that the target took. `since` is where the first run began to read.
    """

    taken: frozenset[str] = frozenset()
    since: datetime | None = None
    path: Path = Path()
    file: BinaryIO | None = None

    def record(self, outcome: dict[str, Any]) -> None:
        """Append the outcome of a post; raises click.ClickException."""
        if self.file and outcome["outcome"] != "not posted":
            with _named(self.path):
                _write(self.file, outcome)


@contextmanager
def open_replay_file(path: Path, url: str, since: datetime | None) -> Iterator[ReplayFile]:
    """Open or make the file of a replay to a URL, for this process alone.

    Raises click.ClickException, and leaves the file as it was, if it belongs to another URL, to something
    else, or to a replay that is running.
    """
    with _named(path):
        file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "r+b")
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise click.ClickException(f"Another replay is writing {argument(str(path))}.") from None
        content = file.read()
        earlier = _parse(path, content, url)
        with _named(path):
            file.truncate(content.rfind(b"\n") + 1)
            if not content:
                _write(file, {_NAME: _VERSION, "to": digest(url), "since": iso(since) if since else None})
        yield replace(earlier, path=path, file=file)


def read_replay_file(path: Path, url: str) -> ReplayFile:
    """Return what earlier runs did, to write nothing; raises as `open_replay_file` does."""
    with _named(path):
        return _parse(path, path.read_bytes(), url) if path.exists() else ReplayFile()


def _parse(path: Path, content: bytes, url: str) -> ReplayFile:
    """Parse the lines of a file but for its last, if that is not whole."""
    if not content:
        return ReplayFile()
    name = argument(str(path))
    *lines, _ = content.split(b"\n")
    try:
        header, *outcomes = map(json.loads, lines)
        version, to, since = (header[name] for name in (_NAME, "to", "since"))
        taken = frozenset(str(each["event_id"]) for each in outcomes if each["outcome"] == "taken")
    except (ValueError, LookupError, TypeError):
        raise click.ClickException(f"{name} is not a file of replay --resume. Name another file.") from None
    if version != _VERSION:
        raise click.ClickException(f"{name} is of a newer version. Install that, or name another file.")
    if to != digest(url):
        raise click.ClickException(f"{name} belongs to a replay to another URL. Name another file.")
    return ReplayFile(taken, timestamps.parse(since))


def _write(file: BinaryIO, value: dict[str, Any]) -> None:
    file.write(json.dumps(value).encode() + b"\n")
    file.flush()


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Turn a fault of the file system into an error that names the file."""
    try:
        yield
    except OSError as error:
        raise click.ClickException(f"{argument(str(path))} cannot be used: {error.strerror}.") from error
