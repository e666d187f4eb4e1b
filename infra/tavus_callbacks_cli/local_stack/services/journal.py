"""The journal of a local stack: a SQLite file with the data of the embedded services.

A write is in the file before it is answered, so it survives the end of every process. The file is not synced
after each write: a power cut may cost the last writes, but it leaves a file that can be read.
"""

import contextlib
import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

FILE_NAME = "stack.sqlite3"
ITEM, OBJECT, MESSAGE, SECRET, RECORD, EVENT = "item", "object", "message", "secret", "record", "event"

_VERSION = 1
# A file that is damaged, or not of this code. Other errors are those of a disk or of another process.
_UNREADABLE = {sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
# The erasure rewrites the whole file, and a write waits for that.
_SECONDS_TO_WAIT = 60
_SCHEMA = """
CREATE TABLE entries (
  position INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  place TEXT NOT NULL,
  key TEXT NOT NULL,
  content TEXT NOT NULL,
  UNIQUE (kind, place, key)
)
"""
_PUT = """
INSERT INTO entries (kind, place, key, content) VALUES (?, ?, ?, ?)
ON CONFLICT (kind, place, key) DO UPDATE SET content = excluded.content
"""


class Entry(NamedTuple):
    """A part of the data: `place` is its table, bucket, queue or mapping, `content` is JSON.

    As a change, an entry without content removes the one with the same kind, place and key.
    """

    kind: str
    place: str
    key: str
    content: str | None = None

    def value(self) -> Any:
        """Return the content; raises UnreadableJournal if it is not JSON."""
        try:
            return json.loads(self.content or "")
        except ValueError as error:
            raise UnreadableJournal(f"{self.kind} {self.key}: {error}") from error


def item_key(attributes: Mapping[str, Any], names: Iterable[str]) -> str:
    """Return the key of an item's entry; `names` are those of the table's key attributes."""
    return json.dumps([attributes.get(name) for name in names])


class UnreadableJournal(Exception):
    """The file is damaged, or of a version that this code does not know."""


class Journal:
    """The open file; any thread may use it. A new file begins with `entries`, which an older file ignores.

    Methods raise sqlite3.OperationalError if the disk is full or another process holds the file.
    """

    def __init__(self, folder: Path, entries: Iterable[Entry] = ()) -> None:
        self._lock = threading.Lock()
        self._connection = _connect(folder / FILE_NAME)
        try:
            with _unreadable():
                self._prepare(entries)
        except (sqlite3.Error, UnreadableJournal):
            self._connection.close()
            raise

    def _prepare(self, entries: Iterable[Entry]) -> None:
        execute = self._connection.execute
        execute("PRAGMA journal_mode = WAL")
        # NORMAL syncs only when the log is copied into the file. Then a power cut cannot damage the file.
        execute("PRAGMA synchronous = NORMAL")
        execute("PRAGMA secure_delete = ON")
        [version] = execute("PRAGMA user_version").fetchone()
        if version not in (0, _VERSION):
            raise UnreadableJournal(f"{FILE_NAME} has version {version}, this code reads {_VERSION}")
        if version == 0:
            with self._transaction():
                execute(_SCHEMA)
                self._apply(entries)
                execute(f"PRAGMA user_version = {_VERSION}")

    def write(self, changes: Iterable[Entry]) -> None:
        """Put or remove entries, all or none."""
        with self._transaction():
            self._apply(changes)

    def remove_up_to(self, kind: str, place: str, key: str) -> None:
        """Remove the entries of a place whose keys are not greater than a key."""
        with self._transaction():
            self._connection.execute(
                "DELETE FROM entries WHERE kind = ? AND place = ? AND key <= ?", (kind, place, key)
            )

    def entries(self) -> list[Entry]:
        """Return all entries in the order of arrival; raises UnreadableJournal."""
        query = "SELECT kind, place, key, content FROM entries ORDER BY position"
        with self._lock, _unreadable():
            rows = self._connection.execute(query).fetchall()
        return [Entry(*row) for row in rows]

    def close(self) -> None:
        """Copy the log into the file, and close both."""
        with self._lock:
            self._connection.close()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock, self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            yield

    def _apply(self, changes: Iterable[Entry]) -> None:
        for change in changes:
            if change.content is None:
                self._connection.execute(
                    "DELETE FROM entries WHERE kind = ? AND place = ? AND key = ?", change[:3]
                )
            else:
                self._connection.execute(_PUT, change)


@contextlib.contextmanager
def _unreadable() -> Iterator[None]:
    """Raise UnreadableJournal if SQLite says that the file is damaged."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        # The upper bits of a code are details.
        if error.sqlite_errorcode & 0xFF not in _UNREADABLE:
            raise
        raise UnreadableJournal(f"{FILE_NAME}: {error}") from error


def rewrite(folder: Path, seconds: float) -> bool:
    """Rewrite the file of a stack, which may be running, so that no byte of removed data is left.

    Return whether that was done in time; True without a file.
    """
    path = folder / FILE_NAME
    if not path.exists():
        return True
    with contextlib.closing(_connect(path, seconds)) as connection:
        try:
            connection.execute("PRAGMA temp_store = MEMORY")
            connection.execute("VACUUM")
            [is_busy, *_] = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.OperationalError:
            return False
    return not is_busy


def _connect(path: Path, seconds: float = _SECONDS_TO_WAIT) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=seconds, isolation_level=None, check_same_thread=False)
