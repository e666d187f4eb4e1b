"""The function behind `/callbacks/{token}`: authenticate, understand, keep, answer, and log one record."""

import os
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from aws_lambda_powertools import Logger

from tavus_callbacks.aws import clients
from tavus_callbacks.aws.retries import retry_until
from tavus_callbacks.domain.callbacks.event import Event, event_id
from tavus_callbacks.domain.callbacks.intake import Callback, Misfit, read_callback
from tavus_callbacks.domain.common.deadline import Deadline
from tavus_callbacks.domain.common.errors import CallbackError, Refused, StoreDown
from tavus_callbacks.domain.common.metrics import count, of_kept, of_refusal
from tavus_callbacks.domain.common.timestamps import now
from tavus_callbacks.logic.keep_callback import quarantine
from tavus_callbacks.runtime import wiring
from tavus_callbacks.runtime.http import Request, answer, problem, request_of
from tavus_callbacks.runtime.log import write
from tavus_callbacks.runtime.settings import settings

if TYPE_CHECKING:
    from tavus_callbacks.aws.stores.events import Kept
    from tavus_callbacks.domain.common.compression import Packed
    from tavus_callbacks.domain.common.token import TokenRecord

T = TypeVar("T")

# Log bytes are a fifth of the bill, and the location is always the same; Lambda reads the level of a record
# only beside a time in this form.
logger = Logger(location=None, use_rfc3339=True)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer `POST` and `GET` of `/callbacks/{token}`; a rest of the path is neither read nor logged."""
    began, is_first = time.monotonic(), not wiring.events_table.cache_info().currsize
    # A runtime makes its clients once; this takes none of the time that AWS has.
    wiring.tokens(quick=True), wiring.events_table()
    deadline = Deadline.after(settings().store_time)
    request = request_of(event)
    record: dict[str, Any] = {"request_id": request.request_id, "bytes": len(request.body)}
    try:
        return _answered(request, deadline, record)
    except CallbackError as error:
        record |= {"outcome": type(error).__name__, "cause": str(error)}
        record |= of_refusal(error.refusal) if isinstance(error, Refused) else {}
        return problem(error)
    finally:
        record |= count("cold_start") if is_first else {}
        record |= count("latency", round(1000 * (time.monotonic() - began)))
        write(logger, "callback", record)


def _answered(request: Request, deadline: Deadline, record: dict[str, Any]) -> dict[str, Any]:
    # Before anything else: a body without a token costs a stranger's request, not our time.
    secret = request.path_parameters.get("token", "")
    token = retry_until(deadline, lambda: wiring.tokens(quick=True).authenticate(secret, "callback"))
    record |= {"label": token.label, "token_id": token.token_id}
    if request.method == "GET":
        record["outcome"] = "ready"
        return answer(200, {"label": token.label, "ready": True})
    callback = Callback(
        raw=request.body,
        query=request.query,
        label=token.label,
        received_at=request.received_at,
        request_id=request.request_id,
        content_encoding=request.content_encoding,
    )
    left = deadline.left()
    read = read_callback(callback)
    # A body of megabytes takes its time, which is not AWS's.
    deadline = deadline.later(left - deadline.left())
    if isinstance(read, Misfit):
        answered = _quarantined(read, callback, deadline, record)
    else:
        answered = _kept(read, callback, deadline, record)
    _note_use(token, record)
    return answered


def _kept(event: Event, callback: Callback, deadline: Deadline, record: dict[str, Any]) -> dict[str, Any]:
    keep = partial(wiring.events_table().keep, event, kept_at=now(), request_id=callback.request_id)
    kept = _or_spilled(
        lambda: retry_until(deadline, keep),
        lambda: _spill(event.packed, callback, deadline),
        record,
    )
    value = _described(event, kept)
    # Of who was erased a log shall not tell anew.
    told = () if value["status"] == "erased" else ("event_id", "subject")
    record |= {name: value[name] for name in (*told, "event_type")}
    record["outcome"] = value["status"]
    record |= of_kept(kept.status, value["issues"]) if kept else count("spilled")
    return answer(200, value)


def _described(event: Event, kept: "Kept | None") -> dict[str, Any]:
    return {
        "event_id": event_id(event.kind, event.subject, kept.ref if kept else event.ref),
        "status": kept.status if kept else "accepted",
        "family": event.family,
        "kind": event.kind,
        "subject": event.subject,
        "event_type": event.event_type,
        "issues": [*event.issues, *(kept.issues if kept else ())],
    }


def _quarantined(
    misfit: Misfit, callback: Callback, deadline: Deadline, record: dict[str, Any]
) -> dict[str, Any]:
    entry, retention = misfit.entry, settings().quarantine_retention
    keep = partial(quarantine, misfit, wiring.events_table(), retention, callback.request_id)
    _or_spilled(
        lambda: retry_until(deadline, keep),
        lambda: _spill(entry.packed, callback, deadline),
        record,
    )
    record |= {"outcome": "quarantined", "status": entry.status, "quarantine_id": entry.quarantine_id}
    record["fault"] = misfit.fault
    record |= count("spilled" if "store" in record else "quarantined")
    return problem(misfit.error, quarantine_id=entry.quarantine_id)


def _or_spilled(keep: Callable[[], T], spill: Callable[[], None], record: dict[str, Any]) -> T | None:
    """Keep a callback, or put it into the spill where the store is down; None says that it is there."""
    try:
        return keep()
    except StoreDown as error:
        record["store"] = str(error)
        spill()
        return None


def _spill(redacted: "Packed", callback: Callback, deadline: Deadline) -> None:
    # Rare, and so not loaded with the rest.
    from tavus_callbacks.aws.spill import SpilledCallback
    from tavus_callbacks.domain.common.tags import kept_query

    spilled = SpilledCallback(
        body=redacted,
        query=kept_query(callback.query),
        label=callback.label,
        received_at=callback.received_at,
        content_encoding=callback.content_encoding,
    )
    retry_until(deadline.later(settings().spill_time), lambda: wiring.spill().send(spilled))


def _note_use(token: "TokenRecord", record: dict[str, Any]) -> None:
    # Not while the store is down: the answer is due.
    if "store" not in record:
        record["use_not_noted"] = wiring.tokens(quick=True).note_use(token)


# A runtime starts with a whole core and serves with a share of one, so the client is made here; nowhere else
# (tests, the command line) does an import make anything.
if "AWS_LAMBDA_INITIALIZATION_TYPE" in os.environ:
    clients.dynamodb(quick=True)
