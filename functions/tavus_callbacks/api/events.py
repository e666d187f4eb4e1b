"""`GET /events…`, `GET /conversations/{id}/events` and `GET /quarantine…`: bodies as they were received."""

import json
from typing import Any

from aws_lambda_powertools.event_handler import Response

from tavus_callbacks.api.query import (
    BAD_CURSOR,
    CURSOR,
    LIMIT,
    LONGEST_PLACE,
    Parameter,
    Query,
    place_in,
    read_cursor,
    text,
)
from tavus_callbacks.api.responses import NO_STORE, json_answer
from tavus_callbacks.api.routing import Routes
from tavus_callbacks.domain.callbacks.event import is_ref, parse_event_id
from tavus_callbacks.domain.common import timestamps
from tavus_callbacks.domain.common.errors import BadRequest, NotFound
from tavus_callbacks.domain.common.timestamps import iso
from tavus_callbacks.domain.events import feed
from tavus_callbacks.domain.events.view import event_view, event_view_with_variants, quarantine_view
from tavus_callbacks.runtime import wiring
from tavus_callbacks.runtime.http import JSON_TYPE

routes = Routes()

# Nothing says what a body in quarantine is.
BYTES_TYPE = "application/octet-stream"

KIND = text("kind", "What the subject is: conversation, video, replica, …")
SUBJECT = text("subject", "Whose events to give, by time; any id can stand here.")


def _read_after(text: str) -> feed.Position | dict[str, Any]:
    """Read where to go on from: a time, or an answer's cursor."""
    since = timestamps.parse(text)
    return feed.Position(iso(since)) if since else read_cursor(text)


AFTER: Parameter[Any] = Parameter(
    "after",
    "Where to go on in the order of receipt: a time, or an answer's `cursor`.",
    {"type": "string"},
    _read_after,
    {},
)


@routes.get("/events", query=(KIND, SUBJECT, AFTER, LIMIT, CURSOR), model="EventPage")
def get_events(query: Query) -> Response[str]:
    """Answer a subject's events, or with neither kind nor subject all events in order of receipt."""
    kind, subject = query[KIND], query[SUBJECT]
    if (kind is None) != (subject is None):
        raise BadRequest("kind and subject go together, as in /events?kind=conversation&subject=c123456.")
    if kind is not None and subject is not None:
        return json_answer(_subject_page(query, kind, subject))
    entries, after = wiring.event_pages().pull(_position(query), query[LIMIT])
    views = [event_view(event, raw_body) for event, raw_body in entries]
    state = {"settled": after.settled, "given": sorted(after.given)}
    return json_answer({"events": views, "cursor": query.cursor(state)})


def _position(query: Query) -> feed.Position:
    after = query[AFTER]
    if isinstance(after, feed.Position):
        return after
    state = query.state(AFTER) or query.state(CURSOR)
    settled, given = state.get("settled", ""), state.get("given", [])
    if not (isinstance(settled, str) and isinstance(given, list)):
        raise BadRequest(BAD_CURSOR)
    if not settled.isascii() or len(settled) > LONGEST_PLACE:
        raise BadRequest(BAD_CURSOR)
    return feed.Position(settled, frozenset(map(str, given)))


@routes.get(
    "/conversations/<conversation_id>/events", query=(LIMIT, CURSOR), model="EventPage", problems=(404,)
)
def get_conversation_events(query: Query, conversation_id: str) -> Response[str]:
    """Answer a conversation's events by time."""
    page = _subject_page(query, "conversation", conversation_id)
    if not page["events"] and not query[CURSOR]:
        raise NotFound(f"No event of conversation {conversation_id} is kept.")
    return json_answer(page)


@routes.get("/events/<event_id>/body", model=None, problems=(404,))
def get_event_body(event_id: str) -> Response[Any]:
    """Answer the kept bytes of an event."""
    identity, pages = parse_event_id(event_id), wiring.event_pages()
    row = pages.event_row(*identity) if identity else None
    if row is None:
        raise NotFound(f"No event {event_id} is kept.")
    return _answer_bytes(pages.bodies.read(row), JSON_TYPE)


@routes.get("/quarantine", query=(LIMIT, CURSOR), model="QuarantinePage")
def get_quarantine(query: Query) -> Response[str]:
    """Answer what could not be filed, newest first."""
    before = place_in(query.state(CURSOR), "before")
    entries, following = wiring.event_pages().list_quarantine(limit=query[LIMIT], before=before)
    views = [quarantine_view(row, raw_body) for row, raw_body in entries]
    next_cursor = query.cursor({"before": following}) if following else None
    return json_answer({"quarantine": views, "cursor": next_cursor})


@routes.get("/quarantine/<quarantine_id>/body", model=None, media=(BYTES_TYPE,), problems=(404,))
def get_quarantine_body(quarantine_id: str) -> Response[Any]:
    """Answer the kept bytes of what could not be filed, JSON or not."""
    pages = wiring.event_pages()
    row = pages.quarantine_row(quarantine_id)
    if row is None:
        raise NotFound(f"No body {quarantine_id} is in quarantine.")
    return _answer_bytes(pages.bodies.read(row), BYTES_TYPE)


def _subject_page(query: Query, kind: str, subject: str) -> dict[str, Any]:
    after = query.state(CURSOR).get("after")
    if after is not None and not is_ref(after):
        raise BadRequest(BAD_CURSOR)
    page = wiring.event_pages().list_subject(kind, subject, limit=query[LIMIT], after=after)
    next_cursor = query.cursor({"after": page.next_after}) if page.next_after else None
    return {"events": list(map(event_view_with_variants, page.events)), "cursor": next_cursor}


def _answer_bytes(body: bytes, content_type: str) -> Response[Any]:
    """Answer a body as stored: as text, or in base64 if that is shorter within Lambda's 6 MB.

    The gateway handed the body to `receive` in one of the two forms, and so it fits in that form again.
    """
    # Not as content_type: Powertools would then take bytes for a value that is still to be written as JSON.
    headers = {**NO_STORE, "content-type": content_type}
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return Response(200, None, body, headers)
    is_text_shorter = len(json.dumps(text, ensure_ascii=False).encode()) * 3 <= len(body) * 4
    return Response(200, None, text if is_text_shorter else body, headers)
