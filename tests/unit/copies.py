"""Copies of a stack, filled without one."""

import sqlite3

from folding import NOW

from tavus_callbacks_cli.sync.rows import replace_subject, subject_rows
from tavus_callbacks_cli.sync.schema import SCHEMA


class _Connection(sqlite3.Connection):
    """A connection that closes with its last reference; Python 3.13 warns of one that stays open."""

    def __del__(self):
        self.close()


def empty_copy(path=":memory:"):
    """Return the connection of a copy that has tables and no rows; every statement is its own transaction."""
    connection = sqlite3.connect(path, isolation_level=None, factory=_Connection)
    connection.row_factory = sqlite3.Row
    for statement in SCHEMA:
        connection.execute(statement)
    return connection


def add_events(connection, events, **sources):
    """Write the rows of the subjects that events are about."""
    subjects = dict.fromkeys((event.kind, event.subject) for event in events)
    for kind, subject in subjects:
        own = [event for event in events if (event.kind, event.subject) == (kind, subject)]
        replace_subject(connection, kind, subject, subject_rows(kind, subject, own, now=NOW, **sources))


def content(connection):
    """Return the rows of every table with rows, as dictionaries, by its name."""
    tables = connection.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '%fts%' ORDER BY name"
    )
    rows = {table: list(map(dict, connection.execute(f"SELECT * FROM {table}"))) for (table,) in tables}  # noqa: S608
    return {table: several for table, several in rows.items() if several}
