"""The function that keeps summaries: told of every kept event by the stream, in any order, more than once."""

from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import EventType

from tavus_callbacks.aws import batch, clients
from tavus_callbacks.aws.bodies import Bodies
from tavus_callbacks.aws.subject_events import fold_event
from tavus_callbacks.aws.summaries import Found, SummaryRows, expiry_of
from tavus_callbacks.domain.metrics import Counts
from tavus_callbacks.domain.summary import facts_from
from tavus_callbacks.records import write
from tavus_callbacks.settings import settings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord

logger = Logger(location=None, use_rfc3339=True)
processor = batch.processor_of(EventType.DynamoDBStreams)


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
    return batch.take(event, context, _projected, processor, partial(write, logger))


def _projected(record: "DynamoDBRecord") -> Counts:
    item = batch.item_of(record)
    event = fold_event(item, stores().bodies.read(item))
    found = Found(facts_from(event.kind, [event]), expiry_of(item))
    stores().summaries.merge(event.kind, event.subject, found)
    return {}
