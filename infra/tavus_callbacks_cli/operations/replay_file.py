"""The file of `replay --resume`: the outcome of each post, so that another run posts only the rest.

    {"tavus_callbacks_replay": 1, "to": "8c1f…", "chosen": "77a0…", "since": "2027-03-01T…"}
    {"event_id": "…", "outcome": "taken", …}           a line for each post, written before the next post

The first line binds the file to a URL and a choice of events by their digests, because a URL may hold a
secret. It also keeps the time at which the first run began to read: "2h ago" is another time an hour later. A
kill leaves at most one line that is not whole. The next run cuts it off.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from io import FileIO
from pathlib import Path
from typing import Any

import click

from tavus_callbacks.domain.common import timestamps
from tavus_callbacks.domain.common.digests import digest
from tavus_callbacks.domain.common.timestamps import iso
from tavus_callbacks_cli.output.shell import argument

_VERSION, _NAME = 1, "tavus_callbacks_replay"


@dataclass(frozen=True, slots=True)
class ReplayFile:
    """The outcomes of earlier runs, and the file for new ones; without a file nothing is noted.

    `taken` are the ids of the events that the target took. `since` is where the first run began to read.
    """

    taken: frozenset[str] = frozenset()
    since: datetime | None = None
    path: Path = Path()
    file: FileIO | None = None

    def record(self, outcome: dict[str, Any]) -> None:
        """Append the outcome of a post; raises click.ClickException."""
        if self.file and outcome["outcome"] != "not posted":
            with _named(self.path):
                _write(self.file, outcome)


@contextmanager
def open_replay_file(path: Path, url: str, chosen: str, since: datetime | None) -> Iterator[ReplayFile]:
    """Open or make the file of a replay of chosen events to a URL, for this process alone.

    Raises click.ClickException, and leaves the file as it was, if it belongs to another URL or other events,
    to something else, or to a replay that is running.
    """
    with _named(path):
        # Without a buffer, which would be written once more when the file is closed.
        file = FileIO(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "r+")
    with file:
        with _named(path):
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise click.ClickException(f"Another replay is writing {argument(str(path))}.") from None
            content = file.readall()
            earlier = _parse(path, content, url, chosen)
            file.truncate(content.rfind(b"\n") + 1)
            if not content:
                _write(file, {**_binding(url, chosen), "since": iso(since) if since else None})
        yield replace(earlier, path=path, file=file)


def read_replay_file(path: Path, url: str, chosen: str) -> ReplayFile:
    """Return what earlier runs did, to write nothing; raises as `open_replay_file` does."""
    with _named(path):
        return _parse(path, path.read_bytes(), url, chosen) if path.exists() else ReplayFile()


def _binding(url: str, chosen: str) -> dict[str, Any]:
    return {_NAME: _VERSION, "to": digest(url), "chosen": digest(chosen)}


def _parse(path: Path, content: bytes, url: str, chosen: str) -> ReplayFile:
    """Parse the lines of a file but for its last, if that is not whole."""
    if not content:
        return ReplayFile()
    name = argument(str(path))
    *lines, _ = content.split(b"\n")
    try:
        header, *outcomes = map(json.loads, lines)
        version, since = header[_NAME], header["since"]
        taken = frozenset(str(each["event_id"]) for each in outcomes if each["outcome"] == "taken")
    except (ValueError, LookupError, TypeError):
        raise click.ClickException(f"{name} is not a file of replay --resume. Name another file.") from None
    if version != _VERSION:
        raise click.ClickException(f"{name} is of a newer version. Install that, or name another file.")
    for member, value in _binding(url, chosen).items():
        if header.get(member) != value:
            what = "to another URL" if member == "to" else "of other events"
            raise click.ClickException(f"{name} belongs to a replay {what}. Name another file.")
    return ReplayFile(taken, timestamps.parse(since))


def _write(file: FileIO, value: dict[str, Any]) -> None:
    """Append a line, or nothing if the disk is full."""
    size, line = file.seek(0, os.SEEK_END), json.dumps(value).encode() + b"\n"
    try:
        while line:
            line = line[file.write(line) :]
    except OSError:
        with suppress(OSError):
            file.truncate(size)
        raise


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Turn a fault of the file system into an error that names the file."""
    try:
        yield
    except OSError as error:
        raise click.ClickException(f"{argument(str(path))} cannot be used: {error.strerror}.") from error
