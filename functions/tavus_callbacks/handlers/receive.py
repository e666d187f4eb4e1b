"""The function behind `/callbacks/{token}`: authenticate, store the callback, answer, and log one record."""

import os
import time
from functools import partial
from typing import Any

from aws_lambda_powertools import Logger

from tavus_callbacks.aws import clients
from tavus_callbacks.aws.retries import retry_until
from tavus_callbacks.domain.callbacks.event import Callback, event_id
from tavus_callbacks.domain.callbacks.intake import Rejection
from tavus_callbacks.domain.common.errors import CallbackError, Refused, StoreDown
from tavus_callbacks.domain.common.metrics import count, kept_counts, refusal_counts
from tavus_callbacks.logic.keep_callback import Destinations, Outcome, keep_callback
from tavus_callbacks.runtime import wiring
from tavus_callbacks.runtime.http import answer, parse_request, problem
from tavus_callbacks.runtime.log import write_record
from tavus_callbacks.runtime.settings import settings

# Log bytes are a fifth of the bill, and the location is always the same. Lambda reads the level of a record
# only if its time has this form.
logger = Logger(location=None, use_rfc3339=True)

Members = dict[str, Any]


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer `POST` and `GET` of `/callbacks/{token}`; the rest of the path is neither read nor logged."""
    began, is_cold_start = time.monotonic(), not wiring.events_table.cache_info().currsize
    # A runtime makes its clients once; this takes none of the time that AWS has.
    tokens, _ = wiring.tokens(quick=True), wiring.events_table()
    deadline = time.monotonic() + settings().store_time
    request = parse_request(event)
    record: Members = {"request_id": request.request_id, "bytes": len(request.body)}
    members: Members = {}
    try:
        # First of all: a body without a token costs a stranger's request, not our time.
        secret = request.path_parameters.get("token", "")
        token = retry_until(deadline, partial(tokens.authenticate, secret, "callback"))
        record |= {"label": token.label, "token_id": token.token_id}
        if request.method == "GET":
            response, members = answer(200, {"label": token.label, "ready": True}), {"outcome": "ready"}
        else:
            name, coding = request.request_id, request.content_encoding
            callback = Callback(request.body, request.query, token.label, request.received_at, name, coding)
            to = Destinations(wiring.events_table(), wiring.quarantine, wiring.spill)
            outcome = keep_callback(callback, to, deadline, settings().spill_time)
            response, members = _respond(outcome)
            # While the store is down, the answer does not wait for this.
            if outcome.store_error is None:
                members["use_not_noted"] = tokens.note_use(token)
    except CallbackError as error:
        response, members = problem(error), {"outcome": type(error).__name__, "cause": str(error)}
        members |= refusal_counts(error.refusal) if isinstance(error, Refused) else {}
        if isinstance(error, StoreDown):
            # A GET only asks about a token, so its 503 loses no callback.
            members |= count("unavailable") if request.method == "POST" else {}
            members |= {} if error.earlier is None else {"store": error.earlier}
    finally:
        record |= {**members, **(count("cold_start") if is_cold_start else {})}
        record["latency"] = round(1000 * (time.monotonic() - began))
        write_record(logger, "callback", record)
    return response


def _respond(outcome: Outcome) -> tuple[dict[str, Any], Members]:
    """Return the HTTP answer, and the members of the log record about the callback."""
    read, result = outcome.read, outcome.result
    store = {} if outcome.store_error is None else {"store": outcome.store_error}
    if isinstance(read, Rejection):
        quarantine_id = read.entry.quarantine_id
        members = {"outcome": "quarantined", "status": read.entry.status, "quarantine_id": quarantine_id}
        counts = count("quarantined" if outcome.store_error is None else "spilled")
        return problem(read.error, quarantine_id=quarantine_id), {
            **members,
            "fault": read.fault,
            **counts,
            **store,
        }
    value = {
        "event_id": event_id(read.kind, read.subject, result.ref if result else read.ref),
        "status": result.status if result else "accepted",
        "family": read.family,
        "kind": read.kind,
        "subject": read.subject,
        "event_type": read.event_type,
        "issues": [*read.issues, *(result.issues if result else ())],
    }
    # The log names no erased subject again.
    logged = ("event_type",) if value["status"] == "erased" else ("event_id", "subject", "event_type")
    counts = kept_counts(result.status, value["issues"]) if result else count("spilled")
    members = {name: value[name] for name in logged}
    return answer(200, value), {**members, "outcome": value["status"], **counts, **store}


# A runtime starts with a whole core and serves with a part of one, so it makes the client here. No other
# import (tests, the command line) makes anything.
if "AWS_LAMBDA_INITIALIZATION_TYPE" in os.environ:
    clients.dynamodb(quick=True)
