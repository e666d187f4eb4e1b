"""`GET /events…`, `GET /conversations/{id}/events` and `GET /quarantine`: what came, as it came."""

import json
from functools import cache
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from tavus_callbacks.aws import clients
from tavus_callbacks.aws.bodies import Bodies
from tavus_callbacks.aws.event_pages import Entry, EventPages
from tavus_callbacks.aws.gateway import JSON_TYPE
from tavus_callbacks.domain import cursor, receipts, timestamps
from tavus_callbacks.domain.errors import BadRequest, NotFound
from tavus_callbacks.domain.event import is_ref, parse_event_id
from tavus_callbacks.domain.event_view import event_view, quarantine_view
from tavus_callbacks.domain.timestamps import iso
from tavus_callbacks.routes.answers import BAD_CURSOR, NO_STORE, json_answer, limit, parameter, position
from tavus_callbacks.settings import settings

router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]  # Powertools leaves it untyped


@cache
def event_pages() -> EventPages:
    """Return the pages of this runtime."""
    known = settings()
    return EventPages(clients.dynamodb(), known.events_table, Bodies(known.bodies_bucket))


@router.get("/events")
def get_events() -> Response[str]:
    """Answer a subject's events, or with neither kind nor subject all events in order of receipt."""
    event = router.current_event
    kind, subject = parameter(event, "kind"), parameter(event, "subject")
    if (kind is None) != (subject is None):
        raise BadRequest("kind and subject go together, as in /events?kind=conversation&subject=c123456.")
    if kind is not None and subject is not None:
        return json_answer(_subject_page(kind, subject))
    entries, after = event_pages().received(_receipt_position(), limit(event))
    state = {"settled": after.settled, "given": sorted(after.given)}
    return json_answer({"events": [_view(entry) for entry in entries], "cursor": cursor.encode(state)})


@router.get("/conversations/<conversation_id>/events")
def get_conversation_events(conversation_id: str) -> Response[str]:
    """Answer a conversation's events."""
    page = _subject_page("conversation", conversation_id)
    if not page["events"] and parameter(router.current_event, "cursor") is None:
        raise NotFound(f"No event of conversation {conversation_id} is kept.")
    return json_answer(page)


@router.get("/events/<event_id>/body")
def get_event_body(event_id: str) -> Response[Any]:
    """Answer the kept bytes of an event."""
    place = parse_event_id(event_id)
    item = event_pages().one(*place) if place else None
    if item is None:
        raise NotFound(f"No event {event_id} is kept.")
    return _bytes(event_pages().bodies.read(item))


@router.get("/quarantine")
def get_quarantine() -> Response[str]:
    """Answer what could not be filed, newest first."""
    before = position(router.current_event).get("before")
    entries, following = event_pages().quarantined(
        limit=limit(router.current_event), before=str(before) if before else None
    )
    views = [quarantine_view(entry.item, entry.body) for entry in entries]
    next_cursor = cursor.encode({"before": following}) if following else None
    return json_answer({"quarantine": views, "cursor": next_cursor})


def _subject_page(kind: str, subject: str) -> dict[str, Any]:
    after = position(router.current_event).get("after")
    if after is not None and not is_ref(after):
        raise BadRequest(BAD_CURSOR)
    page = event_pages().of_subject(kind, subject, limit=limit(router.current_event), after=after)
    following = cursor.encode({"after": page.next_after}) if page.next_after else None
    return {"events": [_view_with_variants(group) for group in page.events], "cursor": following}


def _view(entry: Entry) -> dict[str, Any]:
    return event_view(entry.item, entry.body)


def _view_with_variants(group: list[Entry]) -> dict[str, Any]:
    first, *variants = map(_view, group)
    return first | ({"variants": variants} if variants else {})


def _receipt_position() -> receipts.Position:
    """Read where to go on from: a cursor, a time, or nothing for the very first event."""
    name = "after" if parameter(router.current_event, "after") else "cursor"
    since = timestamps.parse(parameter(router.current_event, name))
    if since is not None:
        return receipts.Position(iso(since))
    state = position(router.current_event, name)
    settled, given = state.get("settled", ""), state.get("given", [])
    if not (isinstance(settled, str) and isinstance(given, list)):
        raise BadRequest(BAD_CURSOR)
    return receipts.Position(settled, frozenset(map(str, given)))


def _bytes(body: bytes) -> Response[Any]:
    """Answer a body as it was kept: as text, or in base64 where that is shorter within Lambda's 6 MB."""
    text = body.decode()
    escaped = len(json.dumps(text, ensure_ascii=False).encode())
    return Response(200, JSON_TYPE, text if escaped * 3 <= len(body) * 4 else body, NO_STORE)
