"""Store spilled callbacks in the table when it is available again, in any order."""

from functools import partial
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

# First: after pydantic it imports Powertools' parser, which packages lack (infra/build/trim.py).
from aws_lambda_powertools.utilities import batch  # noqa: F401

from tavus_callbacks.aws.spill import read_message
from tavus_callbacks.domain.callbacks.intake import Rejection, read_callback
from tavus_callbacks.domain.common.metrics import Counts, count, kept_counts
from tavus_callbacks.domain.common.timestamps import now
from tavus_callbacks.runtime import batches, wiring
from tavus_callbacks.runtime.log import write_record

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

logger = Logger(location=None, use_rfc3339=True)
processor = batches.make_processor()


def handler(event: dict[str, Any], context: Any) -> Any:
    """Take a batch of spilled callbacks; a message that fails stays in the queue."""
    return batches.process_records(event, context, _drain, processor, partial(write_record, logger))


def _drain(message: "SQSRecord") -> Counts:
    read = read_callback(read_message(message.body, wiring.bodies(quick=True).download))
    if isinstance(read, Rejection):
        logger.info("quarantined", extra={"quarantine_id": read.entry.quarantine_id, "fault": read.fault})
        wiring.quarantine().add(read.entry, message.message_id)
        return {**count("drained"), **count("quarantined")}
    result = wiring.events_table().keep(read, kept_at=now(), request_id=message.message_id)
    return {**count("drained"), **kept_counts(result.status, (*read.issues, *result.issues))}
