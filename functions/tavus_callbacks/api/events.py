"""`GET /events…`, `GET /conversations/{id}/events` and `GET /quarantine…`: bodies as they were received."""

import json
from typing import Any

from aws_lambda_powertools.event_handler import Response

from tavus_callbacks.api.feeds import AFTER, read_position, write_position
from tavus_callbacks.api.lists import LABEL
from tavus_callbacks.api.query import (
    BAD_CURSOR,
    CURSOR,
    LIMIT,
    SIMULATED,
    Parameter,
    Query,
    one_of,
    place_in,
    read_cursor,
    text,
)
from tavus_callbacks.api.responses import NO_STORE, json_answer
from tavus_callbacks.api.routing import Parameters, Routes
from tavus_callbacks.aws.stores.event_pages import Entry
from tavus_callbacks.aws.stores.keys import receipt_time
from tavus_callbacks.domain.callbacks.event import is_ref, parse_event_id
from tavus_callbacks.domain.common import timestamps
from tavus_callbacks.domain.common.errors import BadRequest, NotFound
from tavus_callbacks.domain.common.timestamps import iso
from tavus_callbacks.domain.events.event_filter import EventFilter
from tavus_callbacks.domain.events.view import event_view, event_view_with_variants, quarantine_view
from tavus_callbacks.runtime import wiring
from tavus_callbacks.runtime.http import JSON_TYPE

routes = Routes()

# Nothing says what a body in quarantine is.
BYTES_TYPE = "application/octet-stream"

SUBJECT_ALONE = "subject requires kind, as in /events?kind=conversation&subject=c123456."
KIND_ALONE = "kind requires subject, or order as in /events?kind=conversation&order=newest."

KIND = text("kind", "Only events of this kind of subject: conversation, video, replica, …")
SUBJECT = text("subject", "Only the events of this subject, in order of the sender's time; requires `kind`.")
EVENT_TYPE = text("event_type", "Only events of this type, as in `system.shutdown`.")
ISSUE = text("issue", "Only events with this issue: a code, or `code:path`.")
ORDER = one_of("order", "The order of receipt. Default: `oldest` first.", ("oldest", "newest"))
FILTERS: Parameters = (EVENT_TYPE, LABEL, ISSUE, SIMULATED)


def _read_before(text: str) -> str | dict[str, Any]:
    until = timestamps.parse(text)
    return iso(until) if until else read_cursor(text)


BEFORE: Parameter[Any] = Parameter(
    "before",
    "Where to continue with `order=newest`: a time, or the `cursor` of an answer.",
    {"type": "string"},
    _read_before,
    {},
)


@routes.get(
    "/events", query=(KIND, SUBJECT, *FILTERS, ORDER, AFTER, BEFORE, LIMIT, CURSOR), model="EventPage"
)
def get_events(query: Query) -> Response[str]:
    """Return all events in order of receipt, or the events of one subject."""
    kind, subject, order = query[KIND], query[SUBJECT], query[ORDER]
    if subject is not None:
        if kind is None:
            raise BadRequest(SUBJECT_ALONE)
        if order or query[BEFORE] or any(query[each] is not None for each in FILTERS):
            raise BadRequest("subject can only be combined with kind, limit and cursor.")
        return json_answer(_subject_page(query, kind, subject))
    if kind is not None and order is None:
        raise BadRequest(KIND_ALONE)
    filter_ = EventFilter(kind, *(query[each] for each in FILTERS))
    if order == "newest":
        return _newest(query, filter_)
    if query[BEFORE]:
        raise BadRequest("before requires order=newest.")
    pulled = wiring.event_pages().pull(read_position(query), filter_, query[LIMIT])
    return _event_page(pulled.entries, write_position(query, pulled.after), pulled.looked_until)


def _newest(query: Query, filter_: EventFilter) -> Response[str]:
    if query[AFTER]:
        raise BadRequest("With order=newest, use before instead of after.")
    before = query[BEFORE]
    # Pages are also followed by `cursor` beside the parameters of the first request.
    state = query.state(CURSOR) or ({"before": before} if isinstance(before, str) else query.state(BEFORE))
    page = wiring.event_pages().list_newest(filter_, limit=query[LIMIT], before=place_in(state, "before"))
    next_cursor = query.cursor({"before": page.next_before}) if page.next_before else None
    looked_until = page.next_before and receipt_time(page.next_before)
    return _event_page(page.entries, next_cursor, looked_until)


def _event_page(entries: list[Entry], cursor: str | None, looked_until: str | None) -> Response[str]:
    views = [event_view(event, raw_body) for event, raw_body in entries]
    return json_answer({"events": views, "cursor": cursor, "looked_until": looked_until})


@routes.get(
    "/conversations/<conversation_id>/events", query=(LIMIT, CURSOR), model="EventPage", problems=(404,)
)
def get_conversation_events(query: Query, conversation_id: str) -> Response[str]:
    """Return the events of a conversation in order of time."""
    page = _subject_page(query, "conversation", conversation_id)
    if not page["events"] and not query[CURSOR]:
        raise NotFound(f"No event of conversation {conversation_id} is stored.")
    return json_answer(page)


@routes.get("/events/<event_id>/body", model=None, problems=(404,))
def get_event_body(event_id: str) -> Response[Any]:
    """Return the stored bytes of an event."""
    identity, pages = parse_event_id(event_id), wiring.event_pages()
    row = pages.event_row(*identity) if identity else None
    if row is None:
        raise NotFound(f"No event {event_id} is stored.")
    return _answer_bytes(pages.bodies.read(row), JSON_TYPE)


@routes.get("/quarantine", query=(LIMIT, CURSOR), model="QuarantinePage")
def get_quarantine(query: Query) -> Response[str]:
    """Return the bodies in quarantine, newest first."""
    before = place_in(query.state(CURSOR), "before")
    entries, following = wiring.event_pages().list_quarantine(limit=query[LIMIT], before=before)
    views = [quarantine_view(row, raw_body) for row, raw_body in entries]
    next_cursor = query.cursor({"before": following}) if following else None
    return json_answer({"quarantine": views, "cursor": next_cursor})


@routes.get("/quarantine/<quarantine_id>/body", model=None, media=(BYTES_TYPE,), problems=(404,))
def get_quarantine_body(quarantine_id: str) -> Response[Any]:
    """Return the stored bytes of a body in quarantine, which need not be JSON."""
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
    """Return a body as stored: as text, or in base64 if that is shorter within Lambda's 6 MB.

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
