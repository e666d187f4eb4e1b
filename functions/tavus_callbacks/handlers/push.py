"""Post pushes to your own server, and retry for a day."""

import json
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

# First: after pydantic it imports Powertools' parser, which packages lack (infra/build/trim.py).
from aws_lambda_powertools.utilities import batch  # noqa: F401

from tavus_callbacks.aws import clients
from tavus_callbacks.aws.errors import store_down
from tavus_callbacks.domain.common.metrics import count
from tavus_callbacks.domain.common.timestamps import now
from tavus_callbacks.domain.pushes.retry_schedule import next_pause
from tavus_callbacks.logic.deliver_push import Delivery, Server, deliver, is_erased
from tavus_callbacks.runtime import batches, wiring
from tavus_callbacks.runtime.log import write_record
from tavus_callbacks.runtime.settings import settings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

    from tavus_callbacks.domain.common.metrics import Counts

logger = Logger(location=None, use_rfc3339=True)
processor = batches.make_processor()


class NotTaken(Exception):
    """The server did not accept a push, which stays in the queue."""


def handler(event: dict[str, Any], context: Any) -> Any:
    """Take a batch of the queue, or an event of the bus that a redrive sends again."""
    if "Records" in event:
        take = partial(_take, function_arn=context.invoked_function_arn)
        return batches.process_records(event, context, take, processor, partial(write_record, logger))
    if is_erased(event["detail"], wiring.event_pages().tombstones):
        _drop()
        return None
    delivery = deliver(event["detail"], _server())
    _log("redriven", event, delivery)
    if not delivery.is_taken:
        raise NotTaken(delivery.why or str(delivery.status))
    return None


def _server() -> Server:
    config = settings()
    return Server(config.push_url, config.push_is_local, wiring.push_secret(), wiring.event_pages())


def _take(record: "SQSRecord", function_arn: str) -> "Counts":
    """Deliver a push; if the server does not accept it, set the next attempt or write a dead letter."""
    event, attempt = json.loads(record.body), int(record.attributes.approximate_receive_count)
    tombstones = wiring.event_pages().tombstones
    if is_erased(event["detail"], tombstones, is_first_attempt=attempt == 1):
        return _drop()
    delivery = deliver(event["detail"], _server())
    if delivery.is_taken:
        _log("pushed", event, delivery)
        return {}
    at = now()
    age = at - datetime.fromtimestamp(int(record.attributes.sent_timestamp) / 1000, UTC)
    pause = next_pause(attempt, age=age, status=delivery.status, retry_after=delivery.retry_after, now=at)
    # Before anything is logged or written: the subject may have been erased during the attempt.
    if is_erased(event["detail"], tombstones):
        return _drop()
    _log("given up" if pause is None else "not taken", event, delivery, attempt=attempt, rest=pause)
    if pause is None:
        why = delivery.why or f"answered {delivery.status}"
        dead_letters = wiring.dead_letters(function_arn)
        dead_letters.write(event, condition="RetriesExhausted", attempts=attempt, why=why, at=at)
        return count("push_failed")
    with store_down():
        clients.sqs().change_message_visibility(
            QueueUrl=settings().push_queue_url, ReceiptHandle=record.receipt_handle, VisibilityTimeout=pause
        )
    raise NotTaken(delivery.why or str(delivery.status))


def _drop() -> "Counts":
    logger.info("dropped", extra={"outcome": "erased"})
    return count("erased")


def _log(message: str, event: dict[str, Any], delivery: Delivery, **more: int | None) -> None:
    detail = event["detail"]
    ids = {name: detail[name] for name in ("push_id", "type", "kind", "subject")}
    logger.info(message, extra={**ids, "status": delivery.status, "why": delivery.why, **more})
