"""The function that empties the spill into the table, in any order, once it is there again."""

from functools import partial
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import EventType

from tavus_callbacks.aws import spill
from tavus_callbacks.domain.callbacks.intake import Misfit, read_callback
from tavus_callbacks.domain.common.metrics import Counts, count, of_kept
from tavus_callbacks.domain.common.timestamps import now
from tavus_callbacks.logic.keep_callback import quarantine
from tavus_callbacks.runtime import batches, wiring
from tavus_callbacks.runtime.log import write
from tavus_callbacks.runtime.settings import settings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

logger = Logger(location=None, use_rfc3339=True)
processor = batches.processor_of(EventType.SQS)


def handler(event: dict[str, Any], context: Any) -> Any:
    """Take a batch of spilled callbacks; what fails stays in the queue."""
    return batches.take(event, context, _drained, processor, partial(write, logger))


def _drained(record: "SQSRecord") -> Counts:
    read = read_callback(spill.read_message(record.body, wiring.bodies(quick=True).download))
    if isinstance(read, Misfit):
        logger.info("quarantined", extra={"quarantine_id": read.entry.quarantine_id, "fault": read.fault})
        quarantine(read, wiring.events_table(), settings().quarantine_retention, record.message_id)
        return {**count("drained"), **count("quarantined")}
    kept = wiring.events_table().keep(read, kept_at=now(), request_id=record.message_id)
    return {**count("drained"), **of_kept(kept.status, (*read.issues, *kept.issues))}
