"""The function behind every `GET` but the callback's: authorise, look, answer."""

import json
import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

from tavus_callbacks.aws import clients
from tavus_callbacks.aws.bodies import Bodies
from tavus_callbacks.aws.event_pages import Entry, EventPages
from tavus_callbacks.aws.gateway import JSON_TYPE, problem
from tavus_callbacks.aws.tokens import REFUSAL, Tokens
from tavus_callbacks.domain import cursor, event_view, receipts, timestamps
from tavus_callbacks.domain.errors import BadRequest, CallbackError, NotFound, Refused
from tavus_callbacks.domain.event import parse_event_id
from tavus_callbacks.domain.timestamps import iso
from tavus_callbacks.settings import settings

if TYPE_CHECKING:
    from tavus_callbacks.domain.token import Scope

BAD_CURSOR = "The cursor is none of ours: pass on the `cursor` of an answer as it came."
DEFAULT_LIMIT, MAX_LIMIT = 50, 200

logger = Logger()
app = APIGatewayHttpResolver()

NO_STORE = {"cache-control": "no-store"}

_BEARER = re.compile(r"[Bb]earer +(\S+)")


@dataclass(frozen=True, slots=True)
class Stores:
    """What `read` asks, one of each a runtime."""

    tokens: Tokens
    pages: EventPages


@cache
def stores() -> Stores:
    """Return the stores of this runtime."""
    known, client = settings(), clients.dynamodb()
    pages = EventPages(client, known.events_table, Bodies(known.bodies_bucket))
    return Stores(Tokens(client, known.tokens_table, known.events_table), pages)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer a reader with a live token of the right scope; everybody else alike with 401."""
    record: dict[str, Any] = {"request_id": event["requestContext"]["requestId"], "route": event["routeKey"]}
    try:
        record |= _authorised(event)
        return _recorded(resolve(event, context), record)
    except Refused as error:
        refused = problem(error)
        refused["headers"]["www-authenticate"] = "Bearer"
        return _recorded(refused, record)
    except CallbackError as error:
        return _recorded(problem(error), record)
    finally:
        logger.info("read", extra=record)


def resolve(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer without asking who asks: for the command line, which has AWS credentials of its own."""
    return app.resolve(event, context)


def _recorded(result: dict[str, Any], record: dict[str, Any]) -> dict[str, Any]:
    record["status"] = result["statusCode"]
    return result


def _authorised(event: dict[str, Any]) -> dict[str, Any]:
    bearer = _BEARER.fullmatch(event.get("headers", {}).get("authorization", ""))
    if not bearer:
        raise Refused(REFUSAL)
    scope: Scope = "quarantine" if event["rawPath"].startswith("/quarantine") else "read"
    token = stores().tokens.authenticate(bearer[1], scope)
    return {"token_label": token.label, "use_not_noted": stores().tokens.note_use(token)}


@app.get("/events")
def get_events() -> Response[str]:
    """Answer a subject's events, or with neither kind nor subject all events in order of receipt."""
    kind, subject = _parameter("kind"), _parameter("subject")
    if (kind is None) != (subject is None):
        raise BadRequest("kind and subject go together, as in /events?kind=conversation&subject=c123456.")
    if kind is not None and subject is not None:
        return _subject_events(kind, subject)
    entries, position = stores().pages.received(_position(), _limit())
    after = {"settled": position.settled, "given": sorted(position.given)}
    return _answer({"events": [_view(entry) for entry in entries], "cursor": cursor.encode(after)})


@app.get("/conversations/<conversation_id>/events")
def get_conversation_events(conversation_id: str) -> Response[str]:
    """Answer a conversation's events."""
    return _subject_events("conversation", conversation_id)


@app.get("/events/<event_id>/body")
def get_event_body(event_id: str) -> Response[Any]:
    """Answer the kept bytes of an event."""
    place = parse_event_id(event_id)
    item = stores().pages.one(*place) if place else None
    if item is None:
        raise NotFound(f"No event {event_id} is kept.")
    return _bytes(stores().pages.bodies.read(item))


@app.get("/quarantine")
def get_quarantine() -> Response[str]:
    """Answer what could not be filed, newest first."""
    before = _cursor().get("before")
    entries, following = stores().pages.quarantined(limit=_limit(), before=before and str(before))
    views = [event_view.quarantine_view(entry.item, entry.body) for entry in entries]
    return _answer({"quarantine": views, "cursor": following and cursor.encode({"before": following})})


def _subject_events(kind: str, subject: str) -> Response[str]:
    after = _cursor().get("after")
    page = stores().pages.of_subject(kind, subject, limit=_limit(), after=after and str(after))
    if not page.events and after is None and app.current_event.path != "/events":
        raise NotFound(f"No event of {kind} {subject} is kept.")
    following = page.next_after and cursor.encode({"after": page.next_after})
    return _answer({"events": [_view_with_variants(group) for group in page.events], "cursor": following})


def _view(entry: Entry) -> dict[str, Any]:
    return event_view.event_view(entry.item, entry.body)


def _view_with_variants(group: list[Entry]) -> dict[str, Any]:
    first, *variants = map(_view, group)
    return first | ({"variants": variants} if variants else {})


def _parameter(name: str) -> str | None:
    return app.current_event.query_string_parameters.get(name)


def _limit() -> int:
    text = _parameter("limit")
    if text is None:
        return DEFAULT_LIMIT
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:4]) <= MAX_LIMIT):
        raise BadRequest(f"limit takes a whole number from 1 to {MAX_LIMIT}.")
    return int(text)


def _cursor() -> dict[str, Any]:
    return _decoded(_parameter("cursor") or "")


def _decoded(text: str) -> dict[str, Any]:
    try:
        return cursor.decode(text) if text else {}
    except cursor.BadCursor:
        raise BadRequest(BAD_CURSOR) from None


def _position() -> receipts.Position:
    text = _parameter("after") or _parameter("cursor") or ""
    since = timestamps.parse(text)
    if since is not None:
        return receipts.Position(iso(since))
    state = _decoded(text)
    settled, given = state.get("settled", ""), state.get("given", [])
    if not (isinstance(settled, str) and isinstance(given, list)):
        raise BadRequest(BAD_CURSOR)
    return receipts.Position(settled, frozenset(map(str, given)))


def _answer(value: dict[str, Any]) -> Response[str]:
    return Response(200, JSON_TYPE, json.dumps(value, allow_nan=False), NO_STORE)


def _bytes(body: bytes) -> Response[Any]:
    """Answer a body as it was kept: as text, or in base64 where that is shorter within Lambda's 6 MB."""
    text = body.decode()
    escaped = len(json.dumps(text, ensure_ascii=False).encode())
    return Response(200, JSON_TYPE, text if escaped * 3 <= len(body) * 4 else body, NO_STORE)
