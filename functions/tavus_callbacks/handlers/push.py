"""The function that posts pushes to the team's own server, for a day where that does not take them."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import EventType

from tavus_callbacks.aws import clients
from tavus_callbacks.aws.dead_letters import DeadLetters
from tavus_callbacks.aws.errors import store_down
from tavus_callbacks.domain.callbacks.event import parse_event_id
from tavus_callbacks.domain.common.metrics import count
from tavus_callbacks.domain.common.timestamps import now
from tavus_callbacks.domain.pushes.push import ERASED
from tavus_callbacks.domain.pushes.retry_schedule import rest_after
from tavus_callbacks.domain.pushes.signature import signed_headers
from tavus_callbacks.domain.pushes.target import TargetRefused, parse_target, with_tags
from tavus_callbacks.outbound.webhook import Answer, NotReached, post
from tavus_callbacks.runtime import batches, wiring
from tavus_callbacks.runtime.log import write
from tavus_callbacks.runtime.settings import settings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

    from tavus_callbacks.aws.push_secret import PushSecret
    from tavus_callbacks.domain.common.metrics import Counts

logger = Logger(location=None, use_rfc3339=True)
processor = batches.processor_of(EventType.SQS)

_JSON = {"content-type": "application/json", "user-agent": "tavus-callbacks"}
_TAKEN = range(200, 300)


class NotTaken(Exception):
    """The target did not take a push; it waits in the queue."""


@dataclass(frozen=True, slots=True)
class Posted:
    """What came of an attempt: a status, or the reason why there is none."""

    status: int | None
    retry_after: str | None = None
    why: str | None = None

    @property
    def is_taken(self) -> bool:
        """Tell whether the target has it."""
        return self.status in _TAKEN


def handler(event: dict[str, Any], context: Any) -> Any:
    """Take a batch of the queue, or one event of the bus again by a redrive."""
    if "Records" in event:
        arn = context.invoked_function_arn
        return batches.take(
            event, context, lambda record: _told(record, arn), processor, partial(write, logger)
        )
    if _is_erased(event["detail"]):
        _drop()
        return None
    posted = _post(event)
    _log("redriven", event, posted)
    if not posted.is_taken:
        raise NotTaken(posted.why or str(posted.status))
    return None


def _told(record: "SQSRecord", function_arn: str) -> "Counts":
    event, attempt = json.loads(record.body), int(record.attributes.approximate_receive_count)
    if _is_erased(event["detail"], is_first_try=attempt == 1):
        return _drop()
    posted = _post(event)
    if posted.is_taken:
        _log("pushed", event, posted)
        return {}
    return _wait_or_give_up(record, event, posted, attempt, function_arn)


def _is_erased(detail: dict[str, Any], *, is_first_try: bool = False) -> bool:
    """Tell whether the subject of a push was erased; raises StoreDown.

    `erase` removes the messages that it can receive. A push that waits for its next try is out of its reach,
    so each further try looks at the table anew.
    """
    if detail["type"] == ERASED:
        return False
    tombstones = wiring.event_pages().tombstones
    return (tombstones.has if is_first_try else tombstones.has_now)(detail["kind"], detail["subject"])


def _drop() -> "Counts":
    logger.info("dropped", extra={"outcome": "erased"})
    return count("erased")


def _wait_or_give_up(
    record: "SQSRecord", event: dict[str, Any], posted: Posted, attempt: int, function_arn: str
) -> "Counts":
    at = now()
    sent_at = datetime.fromtimestamp(int(record.attributes.sent_timestamp) / 1000, UTC)
    rest = rest_after(attempt, age=at - sent_at, status=posted.status, retry_after=posted.retry_after, now=at)
    # Before anything is logged or kept: the erasure may have come while the target was asked.
    if _is_erased(event["detail"]):
        return _drop()
    _log("given up" if rest is None else "not taken", event, posted, attempt=attempt, rest=rest)
    if rest is None:
        dead_letters = DeadLetters(clients.s3(), settings().failed_bucket, function_arn)
        dead_letters.write(event, attempts=attempt, why=posted.why or f"answered {posted.status}", at=at)
        return count("push_failed")
    with store_down():
        clients.sqs().change_message_visibility(
            QueueUrl=settings().push_queue_url,
            ReceiptHandle=record.receipt_handle,
            VisibilityTimeout=rest,
        )
    raise NotTaken(posted.why or str(posted.status))


def _post(event: dict[str, Any]) -> Posted:
    secret, detail = wiring.push_secret(), event["detail"]
    try:
        answer = _post_signed(detail, secret) if secret else _post_raw(detail)
    except (TargetRefused, NotReached) as error:
        return Posted(None, why=f"{type(error).__name__}: {error}")
    return Posted(answer.status, answer.retry_after)


def _post_signed(detail: dict[str, Any], secret: "PushSecret") -> Answer:
    body = json.dumps(detail, ensure_ascii=False, separators=(",", ":"))
    headers = signed_headers(secret.versions(), detail["push_id"], body, at=now())
    return _send(settings().push_url, body.encode(), headers)


def _post_raw(detail: dict[str, Any]) -> Answer:
    """Post a callback as it was kept, with the query that it came with; one that is gone is done."""
    data = detail["data"]
    found = parse_event_id(data.get("variant_id") or data["event_id"])
    item = wiring.event_pages().event_row(*found) if found else None
    if item is None:
        return Answer(_TAKEN.start, None)
    return _send(with_tags(settings().push_url, item["tags"]), wiring.event_pages().bodies.read(item), {})


def _send(url: str, body: bytes, headers: dict[str, str]) -> Answer:
    is_local = settings().push_is_local
    return post(parse_target(url, is_local=is_local), body, {**_JSON, **headers}, is_local=is_local)


def _log(message: str, event: dict[str, Any], posted: Posted, **more: int | None) -> None:
    detail = event["detail"]
    ids = {name: detail[name] for name in ("push_id", "type", "kind", "subject")}
    logger.info(message, extra={**ids, "status": posted.status, "why": posted.why, **more})
