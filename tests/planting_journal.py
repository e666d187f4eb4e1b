"""Writes the journal of a local stack with many conversations, by the code that makes their rows."""

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from tavus_callbacks.aws.items import read_item
from tavus_callbacks.aws.stores.bodies import Bodies
from tavus_callbacks.aws.stores.events import EventsTable
from tavus_callbacks.aws.stores.subject_events import read_body
from tavus_callbacks.aws.stores.summaries import SummaryRows
from tavus_callbacks.domain.callbacks.intake import parse_event
from tavus_callbacks.domain.events.stored_event import StoredEvent
from tavus_callbacks.logic.summarize import summarize, update_from
from tavus_callbacks_cli.local_stack.services.journal import ITEM, Entry, Journal, item_key

PROPERTIES: dict[str, dict[str, Any]] = {
    "system.replica_joined": {"replica_id": "r1"},
    "system.shutdown": {"replica_id": "r1", "shutdown_reason": "participant_left_timeout"},
    "application.recording_ready": {"s3_key": "tavus/c/1795170681000", "duration": 5},
    "application.transcription_ready": {
        "transcript": [{"role": "user", "content": f"word{number} " * 50} for number in range(4)]
    },
    "application.perception_analysis": {"analysis": "The user looks content. " * 20},
}
_FIRST = datetime(2026, 11, 1, tzinfo=UTC)


def plant(
    folder: Path,
    table: str,
    conversations: int,
    *,
    types: tuple[str, ...] = tuple(PROPERTIES),
    first: datetime = _FIRST,
) -> None:
    """Write conversations with an event of each type, a minute apart; `folder` is the stack's data folder."""
    folder.mkdir(parents=True)
    journal = Journal(folder)
    journal.write(
        Entry(ITEM, table, item_key(row, ("pk", "sk")), json.dumps(row, default=_base64))
        for number in range(conversations)
        for row in _rows(table, f"planted-{number:05}", first + timedelta(minutes=number), types)
    )
    journal.close()


def _rows(table: str, conversation: str, at: datetime, types: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return the rows that the callbacks of a conversation leave behind."""
    rows: list[dict[str, Any]] = []

    def put_item(*, Item: dict[str, Any], **_: Any) -> dict[str, Any]:  # noqa: N803 - boto3's name
        rows.append(Item)
        return {}

    client = cast("Any", SimpleNamespace(get_item=lambda **_: {}, put_item=put_item))
    bodies = Bodies("bodies", lambda: client)
    events = EventsTable(client, table, bodies, None)
    for second, event_type in enumerate(types):
        moment = at + timedelta(seconds=second)
        body = {
            "conversation_id": conversation,
            "event_type": event_type,
            "properties": PROPERTIES[event_type],
        }
        raw = json.dumps({**body, "timestamp": moment.isoformat()}).encode()
        events.keep(parse_event(raw, query="", label="local", received_at=moment), kept_at=moment)
    stored = [StoredEvent.from_row(row, read_body(row, bodies)) for row in map(read_item, rows)]
    update = update_from("conversation", stored)
    summarize(SummaryRows(client, table), "conversation", conversation, lambda _: update)
    return rows


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()
