"""Rebuilds the rows of subjects: of those with new events, and of conversations that are not settled.

The events are in the file, so the rows follow from them. The stack is asked for what they cannot tell: the
status of a conversation, which depends on the time, and its recordings.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tavus_callbacks.aws.stores.subject_events import MOST_BYTES, MOST_PARTS
from tavus_callbacks.domain.callbacks.event import parse_event_id
from tavus_callbacks.domain.common import timestamps
from tavus_callbacks.domain.common.issues import TOO_MANY_PARTS
from tavus_callbacks.domain.common.json_text import count_parts
from tavus_callbacks.domain.common.paths import fits_path, subject_path
from tavus_callbacks.domain.common.timestamps import iso
from tavus_callbacks.domain.events.stored_event import StoredEvent
from tavus_callbacks_cli.sync.rows import keep_listed, replace_subject, subject_rows
from tavus_callbacks_cli.targets.api_client import NotFound

if TYPE_CHECKING:
    from tavus_callbacks_cli.sync.file import Copy
    from tavus_callbacks_cli.sync.patience import PatientApi
    from tavus_callbacks_cli.sync.progress import Progress

CONVERSATION = "conversation"

# The columns of an event, without its body.
_COLUMNS = (
    "event_id",
    "kind",
    "subject",
    "family",
    "event_type",
    "occurred_at",
    "received_at",
    "label",
    "tags",
    "source",
    "issues",
)

# How many ids a request takes, and how many characters of them fit into a URL.
_MOST_IDS, _MOST_CHARACTERS = 50, 4000

# A conversation changes without an event for an hour at least (an object arrives, Tavus confirms), and is
# followed for at most a week. A sync asks again for at most a thousand, the longest unseen first.
_AT_LEAST, _AT_MOST, _MOST_UNSETTLED = timedelta(hours=1), timedelta(days=7), 1000


def rebuild_stale(copy: "Copy", api: "PatientApi", progress: "Progress") -> int:
    """Rebuild the rows of all subjects with new events, and return how many; raises click.ClickException."""
    stale = copy.connection.execute("SELECT kind, subject FROM sync_stale").fetchall()
    conversations = [subject for kind, subject in stale if kind == CONVERSATION]
    others = [each for each in stale if each[0] != CONVERSATION]
    count = 0
    for ids in batches(conversations):
        listed = list_conversations(api, ids)
        count += _rebuild(copy, api, [(CONVERSATION, id_) for id_ in ids], listed)
        progress.step(f"{count} of {len(stale)} subjects", count, len(stale))
    for start in range(0, len(others), _MOST_IDS):
        count += _rebuild(copy, api, others[start : start + _MOST_IDS], {})
        progress.step(f"{count} of {len(stale)} subjects", count, len(stale))
    return count


def refresh_unsettled(copy: "Copy", api: "PatientApi", since: datetime) -> int:
    """Rebuild the conversations that changed without an event, and return how many.

    Those that were looked at after a time are left out. Raises click.ClickException.
    """
    statement = (
        "SELECT conversation_id, listed FROM sync_unsettled WHERE looked_at < ? ORDER BY looked_at LIMIT ?"
    )
    seen = dict(copy.connection.execute(statement, (iso(since), _MOST_UNSETTLED)).fetchall())
    count = 0
    for ids in batches(list(seen)):
        listed = list_conversations(api, ids)
        changed = [id_ for id_ in ids if _text(listed.get(id_)) != seen[id_]]
        count += _rebuild(copy, api, [(CONVERSATION, id_) for id_ in changed], listed)
        with copy.transaction() as connection:
            for id_ in set(ids) - set(changed):
                _note_settled(connection, id_, listed.get(id_))
    return count


def batches(ids: Sequence[str]) -> Iterator[list[str]]:
    """Split ids so that the list of conversations takes each part in one request."""
    batch: list[str] = []
    size = 0
    for id_ in ids:
        length = len(quote(_escape(id_), safe=""))
        if batch and (len(batch) == _MOST_IDS or size + length > _MOST_CHARACTERS):
            yield batch
            batch, size = [], 0
        batch.append(id_)
        size += length
    if batch:
        yield batch


def list_conversations(api: "PatientApi", ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return the list's item of each conversation that the stack lists."""
    items = api.get("/conversations", {"ids": ",".join(map(_escape, ids))})["conversations"]
    return {item["conversation_id"]: item for item in items}


def _escape(id_: str) -> str:
    return id_.replace("%", "%25").replace(",", "%2C")


def _rebuild(
    copy: "Copy", api: "PatientApi", subjects: Sequence[tuple[str, str]], listed: dict[str, dict[str, Any]]
) -> int:
    """Rebuild some subjects in one transaction; the stack is asked before it."""
    recordings = {
        id_: _list_recordings(api, id_)
        for kind, id_ in subjects
        if kind == CONVERSATION and listed.get(id_, {}).get("recording_statuses")
    }
    with copy.transaction() as connection:
        for kind, subject in subjects:
            events = load_events(connection, kind, subject)
            item = _caught_up(listed.get(subject), events) if kind == CONVERSATION else None
            # Nothing is left of a subject that was erased after its events had been pulled.
            if events:
                rows = subject_rows(
                    kind,
                    subject,
                    events,
                    listed=item,
                    recordings=recordings.get(subject, ()),
                    now=timestamps.now(),
                )
                if kind == CONVERSATION and subject not in listed:
                    rows = keep_listed(connection, rows)
                replace_subject(connection, kind, subject, rows)
                if kind == CONVERSATION:
                    _note_settled(connection, subject, item)
            connection.execute("DELETE FROM sync_stale WHERE kind = ? AND subject = ?", (kind, subject))
    return len(subjects)


def _caught_up(item: dict[str, Any] | None, events: Sequence[StoredEvent]) -> dict[str, Any] | None:
    """Return a list's item, or None if it is older than the events: lists are a moment behind."""
    latest = max((iso(event.received_at) for event in events), default="")
    return item if item is not None and item["received_last_at"] >= latest else None


def _list_recordings(api: "PatientApi", id_: str) -> list[dict[str, Any]]:
    """Return the recordings of a conversation; none if no path of the API can hold its id."""
    if not fits_path(id_):
        return []
    path, recordings = subject_path(CONVERSATION, id_, "recordings"), []
    cursor: dict[str, str] = {}
    while True:
        try:
            page = api.get(path, {"limit": "200", **cursor})
        except NotFound:
            return []
        recordings += page["recordings"]
        if not page.get("cursor"):
            return recordings
        cursor = {"cursor": page["cursor"]}


def _note_settled(connection: sqlite3.Connection, id_: str, listed: dict[str, Any] | None) -> None:
    """Note whether later syncs ask for a conversation again, and what this one has seen."""
    now = timestamps.now()
    statement = "SELECT max(received_at) FROM events WHERE kind = ? AND subject = ?"
    [(latest,)] = connection.execute(statement, (CONVERSATION, id_))
    age = now - datetime.fromisoformat(latest)
    if age > _AT_MOST or (age > _AT_LEAST and listed is not None and not _can_change(listed)):
        connection.execute("DELETE FROM sync_unsettled WHERE conversation_id = ?", (id_,))
    else:
        row = (id_, iso(now), _text(listed))
        connection.execute("INSERT OR REPLACE INTO sync_unsettled VALUES (?, ?, ?)", row)


def _can_change(listed: dict[str, Any]) -> bool:
    """Return whether time alone changes a conversation's row: it goes on, or waits for something."""
    is_pending = "pending" in listed.get("recording_statuses", ())
    return bool(listed["status"] == "active" or listed["missing"] or is_pending)


def _text(listed: dict[str, Any] | None) -> str:
    return json.dumps(listed, sort_keys=True)


def load_events(connection: sqlite3.Connection, kind: str, subject: str) -> list[StoredEvent]:
    """Return a subject's events, the smallest first, with as many bodies as the API reads for one answer."""
    cursor = connection.execute(
        f"SELECT {', '.join(_COLUMNS)}, length(body) FROM events WHERE kind = ? AND subject = ?"  # noqa: S608
        " ORDER BY length(body), event_id",
        (kind, subject),
    )
    bytes_left, parts_left = MOST_BYTES, MOST_PARTS
    events: list[StoredEvent] = []
    # All at once, because the bodies that are read meanwhile can have hundreds of megabytes together.
    for *values, size in cursor.fetchall():
        event = _stored_event(dict(zip(_COLUMNS, values, strict=True)), size)
        if TOO_MANY_PARTS not in event.issues and bytes_left >= size:
            statement = "SELECT body FROM events WHERE event_id = ?"
            [(body,)] = connection.execute(statement, (event.content,))
            raw_body = body.encode()
            bytes_left -= len(raw_body)
            parts_left -= count_parts(body)
            if bytes_left >= 0 <= parts_left:
                event = event.with_body(raw_body)
        events.append(event)
    return events


def _stored_event(row: dict[str, Any], body_size: int) -> StoredEvent:
    identity = parse_event_id(row["event_id"])
    return StoredEvent.from_row(
        {
            **row,
            "ref": identity[2] if identity else row["event_id"],
            "tags": json.loads(row["tags"]),
            "issues": json.loads(row["issues"]),
            # No fold reads the digest of a body. The id is as unique.
            "content": row["event_id"],
            "body_size": body_size,
        }
    )
