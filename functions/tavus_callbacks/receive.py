"""The function behind `/callbacks/{token}`: authenticate, understand, keep, answer, and log one record."""

import traceback
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from tavus_callbacks.aws import clients
from tavus_callbacks.aws.bodies import Bodies
from tavus_callbacks.aws.events import EventsTable, Kept
from tavus_callbacks.aws.gateway import Request, answer, problem, request_of
from tavus_callbacks.aws.tokens import Tokens
from tavus_callbacks.domain.errors import CallbackError, NotAnObject, Unfileable
from tavus_callbacks.domain.event import Event, event_id, understand
from tavus_callbacks.settings import settings

if TYPE_CHECKING:
    from tavus_callbacks.domain.token import TokenRecord

logger = Logger()

STUMBLED = "The receiver could not read this body. It is kept, and can be redriven after an upgrade."


@dataclass(frozen=True, slots=True)
class Stores:
    """What `receive` asks and writes to, one of each a runtime."""

    tokens: Tokens
    events: EventsTable


@cache
def stores() -> Stores:
    """Return the stores of this runtime."""
    known, client = settings(), clients.dynamodb()
    bodies = Bodies(known.bodies_bucket)
    return Stores(
        Tokens(client, known.tokens_table, known.events_table),
        EventsTable(client, known.events_table, bodies, known.event_retention),
    )


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer `POST /callbacks/{token}` and `GET /callbacks/{token}`."""
    request = request_of(event)
    record: dict[str, Any] = {"request_id": request.request_id, "bytes": len(request.body)}
    try:
        return _answered(request, record)
    except CallbackError as error:
        record |= {"outcome": type(error).__name__, "cause": str(error)}
        return problem(error)
    finally:
        logger.info("callback", extra=record)


def _answered(request: Request, record: dict[str, Any]) -> dict[str, Any]:
    # Before anything else: a body without a token costs a stranger's request, not our time.
    token = stores().tokens.authenticate(request.path_parameters.get("token", ""), "callback")
    record |= {"label": token.label, "token_id": token.token_id}
    if request.method == "GET":
        record["outcome"] = "ready"
        return answer(200, {"label": token.label, "ready": True})
    try:
        return _kept(_understood(request, token, record), token, record)
    except (NotAnObject, Unfileable) as error:
        return _quarantined(request, token, error, record)


def _understood(request: Request, token: "TokenRecord", record: dict[str, Any]) -> Event:
    try:
        return understand(
            request.body, query=request.query, label=token.label, received_at=request.received_at
        )
    except CallbackError:
        raise
    # The outermost edge of our own rules: a body they stumble over is kept, not lost.
    except Exception as fault:
        record |= {"fault": type(fault).__name__, "at": _place(fault)}
        raise Unfileable(STUMBLED) from fault


def _place(fault: Exception) -> str:
    frame = traceback.extract_tb(fault.__traceback__)[-1]
    return f"{frame.name}:{frame.lineno}"


def _kept(event: Event, token: "TokenRecord", record: dict[str, Any]) -> dict[str, Any]:
    kept = stores().events.keep(event)
    record["use_not_noted"] = stores().tokens.note_use(token)
    value = _described(event, kept)
    record |= {name: value[name] for name in ("event_id", "family", "kind", "subject", "event_type")}
    record |= {"outcome": kept.status, "issues": len(value["issues"])}
    return answer(200, value)


def _described(event: Event, kept: Kept) -> dict[str, Any]:
    return {
        "event_id": event_id(event.kind, event.subject, kept.ref),
        "status": kept.status,
        "family": event.family,
        "kind": event.kind,
        "subject": event.subject,
        "event_type": event.event_type,
        "issues": [*event.issues, *kept.issues],
    }


def _quarantined(
    request: Request, token: "TokenRecord", error: NotAnObject | Unfileable, record: dict[str, Any]
) -> dict[str, Any]:
    # Rare, and so not loaded with the rest.
    from tavus_callbacks.aws.quarantine import QuarantineRows
    from tavus_callbacks.domain.quarantine import quarantined

    known, events = settings(), stores().events
    entry = quarantined(
        request.body, error, query=request.query, label=token.label, received_at=request.received_at
    )
    QuarantineRows(events.client, events.name, events.bodies, known.quarantine_retention).keep(entry)
    record["use_not_noted"] = stores().tokens.note_use(token)
    record |= {"outcome": "quarantined", "status": error.status, "quarantine_id": entry.quarantine_id}
    return problem(error, quarantine_id=entry.quarantine_id)
