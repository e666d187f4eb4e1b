"""Tavus's own record of a conversation, `GET /v2/conversations/{id}?verbose=true`, and the callbacks in it.

Its events have `event_type`, `timestamp` and `properties`, and lack what a callback has besides:
`conversation_id`, `message_type`, `webhook_url` (docs/tavus.md, "Reading it back by API"). It contains
no objectives, guardrails or canvas interactions.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from tavus_callbacks.domain.callbacks.event import Event, understand
from tavus_callbacks.domain.callbacks.event_types import REPLICA_PRESENT
from tavus_callbacks.domain.common import timestamps
from tavus_callbacks.domain.common.errors import NotAnObject, Unfileable

# The first word of an event type gives its message type (docs/tavus.md, "Envelope of conversation events").
_MESSAGE_TYPES = ("system", "application")


@dataclass(frozen=True, slots=True)
class Record:
    """What Tavus shows of a conversation; `events` is None where it shows none at all.

    `unreadable` counts entries among the events that are no objects, or another conversation's.
    """

    conversation_id: str
    callback_url: str
    created_at: datetime | None
    events: tuple[dict[str, Any], ...] | None
    unreadable: int = 0

    @property
    def query(self) -> str:
        """Return the query of the callback URL, which holds the tags."""
        try:
            return urlsplit(self.callback_url).query
        except ValueError:
            return ""


def record_of(conversation_id: str, content: Mapping[str, Any]) -> Record:
    """Read a record, or a row of the list; whatever has another form than documented counts as not there."""
    url, events = content.get("callback_url"), content.get("events")
    sent = events if isinstance(events, list) else []
    readable = tuple(one for one in sent if _is_of(conversation_id, one))
    return Record(
        conversation_id=conversation_id,
        callback_url=url if isinstance(url, str) else "",
        created_at=timestamps.parse(content.get("created_at")),
        events=readable if isinstance(events, list) else None,
        unreadable=len(sent) - len(readable),
    )


def _is_of(conversation_id: str, event: object) -> bool:
    return isinstance(event, dict) and event.get("conversation_id", conversation_id) == conversation_id


def callbacks_in(record: Record, *, label: str, received_at: datetime) -> Iterator[Event | None]:
    """Yield the record's events as their callbacks would be understood; None for one that cannot be filed."""
    for sent in record.events or ():
        raw = json.dumps(_rebuilt(record.conversation_id, sent)).encode()
        try:
            event = understand(raw, query=record.query, label=label, received_at=received_at)
        except (NotAnObject, Unfileable):
            yield None
        else:
            yield event._replace(source="backfill")


def _rebuilt(conversation_id: str, sent: Mapping[str, Any]) -> dict[str, Any]:
    """Return an event as its callback was, but for the echoed URL, so that both have one identity."""
    message_type = str(sent.get("event_type")).partition(".")[0]
    known = {"message_type": message_type} if message_type in _MESSAGE_TYPES else {}
    return {**known, **sent, "conversation_id": conversation_id}


def can_hold(family: str, event_type: str) -> bool:
    """Tell whether an event of a conversation should be in its record; a heartbeat inside the call is not."""
    is_sent_by_callback = event_type.partition(".")[0] in _MESSAGE_TYPES and event_type != REPLICA_PRESENT
    return family == "conversation" and is_sent_by_callback
