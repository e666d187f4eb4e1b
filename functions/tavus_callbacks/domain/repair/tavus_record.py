"""Tavus's own record of a conversation, `GET /v2/conversations/{id}?verbose=true`, and the callbacks in it.

Its events have `event_type`, `timestamp` and `properties`. They lack the other members of a callback:
`conversation_id`, `message_type`, `webhook_url` (docs/tavus.md, "Tavus's API"). A record has no
objectives, guardrails or canvas interactions.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from tavus_callbacks.domain.callbacks.event import Event
from tavus_callbacks.domain.callbacks.event_types import REPLICA_PRESENT
from tavus_callbacks.domain.callbacks.intake import parse_event
from tavus_callbacks.domain.common import timestamps
from tavus_callbacks.domain.common.errors import NotAnObject, Unfileable

# The first word of an event type gives its message type (docs/tavus.md, "Conversation event envelope").
_MESSAGE_TYPES = ("system", "application")


@dataclass(frozen=True, slots=True)
class TavusRecord:
    """Tavus's record of a conversation; `events` is None if the record has no list of events.

    `unreadable` counts entries of the events that are not objects, or belong to another conversation.
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


def parse_record(conversation_id: str, content: Mapping[str, Any]) -> TavusRecord:
    """Parse a record, or an entry of the list; a member of another type than documented counts as missing."""
    url, events = content.get("callback_url"), content.get("events")
    entries = events if isinstance(events, list) else []
    readable = tuple(
        entry
        for entry in entries
        if isinstance(entry, dict) and entry.get("conversation_id", conversation_id) == conversation_id
    )
    return TavusRecord(
        conversation_id=conversation_id,
        callback_url=url if isinstance(url, str) else "",
        created_at=timestamps.parse(content.get("created_at")),
        events=readable if isinstance(events, list) else None,
        unreadable=len(entries) - len(readable),
    )


def callbacks_in(record: TavusRecord, *, label: str, received_at: datetime) -> Iterator[Event | None]:
    """Yield the record's events as their callbacks would be parsed; None for one that cannot be stored."""
    for entry in record.events or ():
        message_type = str(entry.get("event_type")).partition(".")[0]
        members = {"message_type": message_type} if message_type in _MESSAGE_TYPES else {}
        # As its callback was, without the echoed URL: both then have one identity.
        body = {**members, **entry, "conversation_id": record.conversation_id}
        raw = json.dumps(body).encode()
        try:
            event = parse_event(raw, query=record.query, label=label, received_at=received_at)
        except (NotAnObject, Unfileable):
            yield None
        else:
            yield event._replace(source="backfill")


def can_hold(family: str, event_type: str) -> bool:
    """Return whether a record should show an event; it does not show heartbeats inside the call."""
    is_sent_by_callback = event_type.partition(".")[0] in _MESSAGE_TYPES and event_type != REPLICA_PRESENT
    return family == "conversation" and is_sent_by_callback
