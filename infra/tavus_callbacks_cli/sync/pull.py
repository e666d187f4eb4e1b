"""Pulls new events into a copy, page by page.

A transaction has the events of a page, the subjects whose rows are stale by them, and the cursor. After a
kill the page comes again, and events that are there already are ignored.
"""

import json
import sqlite3
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tavus_callbacks.domain.common import timestamps
from tavus_callbacks.domain.common.digests import digest
from tavus_callbacks.domain.common.json_text import BYTE_ORDER_MARK, without_surrogates
from tavus_callbacks.domain.common.tags import SIMULATED, is_tagged
from tavus_callbacks.domain.common.timestamps import iso
from tavus_callbacks.domain.events.feed import SETTLE
from tavus_callbacks_cli.targets.api_client import BadRequest, NotFound

if TYPE_CHECKING:
    from tavus_callbacks_cli.sync.file import Copy
    from tavus_callbacks_cli.sync.patience import PatientApi
    from tavus_callbacks_cli.sync.progress import Progress

PAGE = "200"

# Bytes of bodies that wait for their transaction. A page can have 200 bodies of 6 MB.
_MOST_BYTES = 4_000_000

# The columns are named, because a person may have added others.
_INSERT = """INSERT INTO events (
    event_id, kind, subject, family, event_type, occurred_at, received_at, label, tags, source, issues,
    simulated, body)
    VALUES (
    :event_id, :kind, :subject, :family, :event_type, :occurred_at, :received_at, :label, :tags, :source,
    :issues, :simulated, :body) ON CONFLICT (event_id) DO NOTHING"""


def subject_digest(kind: str, subject: str) -> str:
    """Return the digest under which `GET /erasures` lists a subject."""
    return digest(f"{kind}#{subject}")


def pull_events(copy: "Copy", api: "PatientApi", progress: "Progress") -> int:
    """Store the events that are new since the last sync, and return how many; raises click.ClickException."""
    began_at, count, looked_until = timestamps.now(), 0, None
    [(oldest,)] = copy.connection.execute("SELECT max(received_at) FROM events")
    page = _first_page(copy, api, progress)
    while True:
        count += _store(copy, api, page)
        if page["events"]:
            latest = page["events"][-1]["received_at"]
            oldest = oldest or page["events"][0]["received_at"]
            progress.step(f"{count} events, to {latest[:10]}", *_share(oldest, latest, began_at))
        elif not page.get("looked_until"):
            pause = _settling(looked_until, began_at)
            if pause <= 0:
                return count
            progress.note(f"More events have just arrived. They are readable in {pause:.0f} s.")
            time.sleep(pause)
        looked_until = page.get("looked_until")
        page = _page(copy, api, copy.state("events_cursor"))


def _share(oldest: str, latest: str, now: datetime) -> tuple[float, float]:
    """Return how many seconds of the events' time are done, and of how many."""
    first, last = map(datetime.fromisoformat, (oldest, latest))
    return max(0.0, (last - first).total_seconds()), max(1.0, (now - first).total_seconds())


def _settling(looked_until: str | None, began_at: datetime) -> float:
    """Return the seconds until the feed gives more events: of the last 15 s it gives 200 at a time.

    0 if the feed holds nothing back, or only events that arrived after this sync began.
    """
    latest = datetime.fromisoformat(looked_until) if looked_until else began_at
    return (latest + SETTLE - timestamps.now()).total_seconds() if latest < began_at else 0.0


def _first_page(copy: "Copy", api: "PatientApi", progress: "Progress") -> dict[str, Any]:
    """Return the page where the last sync ended, by time if the stack does not accept its cursor any more."""
    cursor = copy.state("events_cursor")
    try:
        return _page(copy, api, cursor)
    except BadRequest as error:
        [(latest,)] = copy.connection.execute("SELECT max(received_at) FROM events")
        if not (cursor and latest):
            raise
        progress.note(f"{error.message} The sync continues at the time of the last event instead.")
        # A cursor never passes an event that is not readable yet; a time has to keep that distance.
        return _page(copy, api, iso(datetime.fromisoformat(latest) - timedelta(minutes=1)))


def _page(copy: "Copy", api: "PatientApi", after: str | None) -> dict[str, Any]:
    """Return the page after a cursor or a time, or the very first one."""
    choice = {} if copy.state("simulated") == "1" else {"simulated": "false"}
    return api.get("/events", {"limit": PAGE, **choice, **({"after": after} if after else {})})


def _store(copy: "Copy", api: "PatientApi", page: dict[str, Any]) -> int:
    """Store the events of a page and then the cursor; return how many events are new."""
    rows: list[dict[str, Any]] = []
    size = count = 0
    for event in page["events"]:
        try:
            rows.append(_row(api, event))
        except NotFound:
            # It was erased, or has expired, since the page was made.
            continue
        size += len(rows[-1]["body"])
        if size > _MOST_BYTES:
            with copy.transaction() as connection:
                count += _insert(connection, rows)
            rows, size = [], 0
    with copy.transaction() as connection:
        count += _insert(connection, rows)
        copy.note("events_cursor", page["cursor"])
    return count


def _insert(connection: sqlite3.Connection, rows: Sequence[dict[str, Any]]) -> int:
    count = 0
    for row in rows:
        # The events of an erased subject can still arrive for a minute.
        erased = connection.execute("SELECT 1 FROM sync_erased WHERE digest = :digest", row).fetchone()
        if not erased and connection.execute(_INSERT, row).rowcount:
            connection.execute("INSERT OR IGNORE INTO sync_stale VALUES (:kind, :subject)", row)
            count += 1
    return count


def _row(api: "PatientApi", event: dict[str, Any]) -> dict[str, Any]:
    """Return the row of an event of the feed, with its body, which large events have elsewhere."""
    body_url, body = event.get("body_url"), event.get("body", {})
    text = api.content(body_url).decode() if body_url else json.dumps(body, ensure_ascii=False)
    members = without_surrogates({name: value for name, value in event.items() if name != "body"})
    return {
        **members,
        "event_id": event.get("variant_id") or event["event_id"],
        "source": event.get("source", "callback"),
        "tags": json.dumps(members["tags"], ensure_ascii=False),
        "issues": json.dumps(members["issues"], ensure_ascii=False),
        "simulated": is_tagged(event["tags"], SIMULATED),
        "body": _storable(text.removeprefix(BYTE_ORDER_MARK)),
        "digest": subject_digest(event["kind"], event["subject"]),
    }


def _storable(text: str) -> str:
    """Return JSON in which half a character is an escape, because UTF-8 cannot write it."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()
