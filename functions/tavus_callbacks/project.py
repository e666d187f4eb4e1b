"""The function that keeps summaries: told of every kept event by the stream, in any order, more than once."""

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

from tavus_callbacks.aws import clients
from tavus_callbacks.aws.bodies import Bodies
from tavus_callbacks.aws.subject_events import fold_event
from tavus_callbacks.aws.summaries import SummaryRows
from tavus_callbacks.domain.summary import facts_from
from tavus_callbacks.settings import settings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord

logger = Logger()
processor = BatchProcessor(event_type=EventType.DynamoDBStreams)


@dataclass(frozen=True, slots=True)
class Stores:
    """What `project` reads and writes, one of each a runtime."""

    bodies: Bodies
    summaries: SummaryRows


@cache
def stores() -> Stores:
    """Return the stores of this runtime."""
    known = settings()
    return Stores(Bodies(known.bodies_bucket), SummaryRows(clients.dynamodb(), known.events_table))


def handler(event: dict[str, Any], context: Any) -> Any:
    """Take a batch of the event stream; what fails is tried again alone."""
    result = process_partial_response(event, _projected, processor, context)
    failed = len(result["batchItemFailures"])
    logger.info("projected", extra={"records": len(event["Records"]), "failed": failed})
    return result


def _projected(record: "DynamoDBRecord") -> None:
    item = record.dynamodb.new_image if record.dynamodb else {}
    event = fold_event(item, stores().bodies.read(item))
    stores().summaries.merge(event.kind, event.subject, facts_from(event.kind, [event]))
