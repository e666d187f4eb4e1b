"""The file of a copy: what is opened, what is refused, and what keeps two syncs apart.

The first of two syncs holds a lock, and the second one stops before it asks for anything. The lock is an
empty file in the folder for temporary files, because nothing may stay next to a copy, and it ends with its
process. Two users or two machines have two of these folders. For them the file itself decides:

    sync A   read revision 7 ── ask for a page ── write it, 7 becomes 8 ── ask ── write, 8 becomes 9
    sync B         read revision 7 ── ask for a page ── 7 is gone: stop, nothing is written

A transaction changes the revision that its sync has seen. So one of two syncs always goes on, and one that
was killed leaves no lock behind.
"""

import fcntl
import os
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from click import ClickException

from tavus_callbacks.domain.common.digests import digest
from tavus_callbacks_cli.output.shell import argument
from tavus_callbacks_cli.sync.schema import APPLICATION_ID, SCHEMA, VERSION

# Seconds to wait for a program that reads the file while a page is written.
_BUSY_SECONDS = 10

_CONTINUE = "then start the same command again: it continues where it stopped."
# The advice about an error of SQLite, by its primary code.
_ADVICE = {
    sqlite3.SQLITE_FULL: "no space is left. Free some space, " + _CONTINUE,
    sqlite3.SQLITE_IOERR: "the disk refuses to read or write ({reason}). Look at the disk and its space, "
    + _CONTINUE,
    sqlite3.SQLITE_READONLY: "it is read-only. Make the file and its folder writable, or name another file.",
    sqlite3.SQLITE_READONLY_DBMOVED: "it was moved, replaced or deleted during the sync. Sync the file "
    "that you want: it continues where it stopped.",
    sqlite3.SQLITE_CANTOPEN: "the file or its folder does not permit it. Make both writable, or name another "
    "file.",
    sqlite3.SQLITE_PERM: "the file does not permit it. Make it writable, or name another file.",
    sqlite3.SQLITE_BUSY: "another program is using it. Close that program, " + _CONTINUE,
    sqlite3.SQLITE_CORRUPT: "it is damaged ({reason}). Restore it from a backup, or sync into another file.",
}
_PRIMARY_CODE = 0xFF
# A table, a column or a module is missing; a person's index or trigger refuses a row.
_CHANGED = (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CONSTRAINT)


class NoCopy(ClickException):
    """The file is not a copy that this version reads."""


class OtherSync(ClickException):
    """Another sync writes the same file."""


@dataclass(slots=True)
class Copy:
    """An open copy, and the revision of it that this process has seen."""

    path: Path
    connection: sqlite3.Connection
    revision: int

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Yield the connection in a transaction of its own; raises OtherSync if the file has moved on."""
        connection = self.connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            changed = connection.execute(
                "UPDATE sync_state SET value = ? WHERE name = 'revision' AND value = ?",
                (str(self.revision + 1), str(self.revision)),
            )
            if changed.rowcount != 1:
                raise _other_sync(self.path)
            yield connection
            connection.execute("COMMIT")
        finally:
            # After some errors SQLite itself has rolled back.
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        self.revision += 1

    def state(self, name: str) -> str | None:
        """Return what an earlier transaction noted under a name, None without."""
        row = self.connection.execute("SELECT value FROM sync_state WHERE name = ?", (name,)).fetchone()
        return None if row is None else row[0]

    def note(self, name: str, value: str | None) -> None:
        """Note a value under a name, within a transaction."""
        self.connection.execute("INSERT OR REPLACE INTO sync_state VALUES (?, ?)", (name, value))


@contextmanager
def file_errors(path: Path) -> Iterator[None]:
    """Raise what SQLite says about a file as click.ClickException, with what to do next."""
    try:
        yield
    except sqlite3.Error as error:
        full_code = getattr(error, "sqlite_errorcode", 0)
        code = full_code & _PRIMARY_CODE
        if code == sqlite3.SQLITE_NOTADB:
            raise not_ours(path) from error
        if code in _CHANGED:
            raise _changed(path, error) from error
        advice = _ADVICE.get(full_code, _ADVICE.get(code))
        if advice is None:
            raise
        raise ClickException(f"{argument(str(path))}: {advice.format(reason=error)}") from error


def _changed(path: Path, error: sqlite3.Error) -> ClickException:
    """Return the error for a statement that the file does not take, because it has other tables than ours."""
    # The first without FTS5, the second before SQLite 3.27, which does not ignore accents as ours.
    if str(error).startswith(("no such module", "error in tokenizer")):
        return ClickException(
            f"SQLite {sqlite3.sqlite_version} of {argument(sys.executable)} lacks the full-text search of a "
            f"copy ({error}). Install tavus-callbacks with another Python, for example one that uv installs."
        )
    return NoCopy(f"{argument(str(path))} was changed after a sync ({error}). Sync into another file.")


def not_ours(path: Path) -> NoCopy:
    """Return the error for a file that no sync has made."""
    return NoCopy(
        f"{argument(str(path))} is not a file that `tavus-callbacks sync` created. Name another file."
    )


def exists(path: Path) -> bool:
    """Return whether there is something to open; an empty file is nothing yet. Raises NoCopy for a folder."""
    try:
        if path.exists() and not path.is_file():
            raise NoCopy(f"{argument(str(path))} is not a file. Name a file.")
        return path.exists() and path.stat().st_size > 0
    except OSError as error:
        raise ClickException(f"{argument(str(path))} cannot be read: {error.strerror}.") from error


@contextmanager
def sole_sync(path: Path) -> Iterator[None]:
    """Hold the lock of a file's syncs to the end of the block; raises OtherSync if another process has it."""
    name = f"tavus-callbacks-{os.getuid()}-{digest(os.path.realpath(path))}.lock"
    try:
        lock = os.open(Path(tempfile.gettempdir()) / name, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise ClickException(
            f"Temporary files cannot be written ({error}). Set TMPDIR to a writable folder."
        ) from error
    with os.fdopen(lock, "wb"):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _other_sync(path) from None
        yield


def _other_sync(path: Path) -> OtherSync:
    return OtherSync(
        f"Another sync is writing {argument(str(path))}. This one stopped. Wait until the other one ends."
    )


@contextmanager
def open_copy(path: Path) -> Iterator[Copy]:
    """Open the copy in a file, and close it at the end of the block; raises NoCopy."""
    with file_errors(path), closing(_connect(path)) as connection:
        [(application_id,)] = connection.execute("PRAGMA application_id")
        [(version,)] = connection.execute("PRAGMA user_version")
        if application_id != APPLICATION_ID:
            raise not_ours(path)
        if version != VERSION:
            raise NoCopy(
                f"{argument(str(path))} was made by another version of tavus-callbacks (format {version}; "
                f"this version writes format {VERSION}). Upgrade tavus-callbacks, or sync into another file."
            )
        copy = Copy(path, connection, 0)
        copy.revision = int(copy.state("revision") or 0)
        yield copy


def create(path: Path, state: dict[str, str]) -> None:
    """Make an empty copy that only this user can read, with a first state."""
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
    except OSError as error:
        raise ClickException(
            f"{argument(str(path))} cannot be written: {error.strerror}. Name another file."
        ) from error
    with file_errors(path), closing(_connect(path)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        # A sync that began at the same time may have made it by now.
        if connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,):
            for statement in SCHEMA:
                connection.execute(statement)
            rows = {"revision": "0", **state}.items()
            connection.executemany("INSERT INTO sync_state VALUES (?, ?)", rows)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")


def _connect(path: Path) -> sqlite3.Connection:
    # Never a new file in place of one that was just moved away. Transactions begin and end by statements.
    uri = f"{path.absolute().as_uri()}?mode=rw"
    return sqlite3.connect(uri, uri=True, timeout=_BUSY_SECONDS, isolation_level=None)
