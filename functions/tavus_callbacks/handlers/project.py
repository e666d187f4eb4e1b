"""The function that keeps summaries and tells the bus: given every kept event, in any order, more than once.

A subject's events of one batch are taken together: its summary is read, the events and what they mean are put
on the bus, and the summary is written. What fails between the two is told again, under the same ids.
"""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from tavus_callbacks.aws.stores.subject_events import read_body
from tavus_callbacks.aws.stores.summaries import Found, last_expiry
from tavus_callbacks.domain.common.metrics import count
from tavus_callbacks.domain.events.stored_event import StoredEvent
from tavus_callbacks.domain.pushes.derived import arrived
from tavus_callbacks.domain.pushes.push import callback_push
from tavus_callbacks.domain.summaries.summary import facts_from
from tavus_callbacks.logic.remove_late import forget_late
from tavus_callbacks.runtime import batches, wiring
from tavus_callbacks.runtime.log import write

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord

logger = Logger(location=None, use_rfc3339=True)

# Bytes of bodies that are held at once; a batch of the largest would not fit into the function's memory.
TOGETHER = 8 * 1024 * 1024

Item = dict[str, Any]


def handler(event: dict[str, Any], _context: Any) -> Any:
    """Take a batch of the event stream; what fails is tried again alone."""
    return batches.take_together(event, _subject, _projected, partial(write, logger))


def _subject(record: "DynamoDBRecord") -> tuple[str, str]:
    item = batches.item_of(record)
    return item["kind"], item["subject"]


def _projected(records: "Sequence[DynamoDBRecord]") -> None:
    items = [batches.item_of(record) for record in records]
    # Before bodies are read: erased, they are gone, while the stream still tells of them.
    if _are_erased(items):
        return
    sizes = [int(item["body_size"]) for item in items]
    made = [_merge(some) for some in ([items] if sum(sizes) <= TOGETHER else [[item] for item in items])]
    # A summary that was there is removed by who erases; one that is made now may come after that.
    if any(made):
        _are_erased(items)


def _are_erased(items: Sequence[Item]) -> bool:
    """Tell whether a subject was erased, and remove what came of its events in that case."""
    if not wiring.summaries().tombstones.is_there(items[0]["kind"], items[0]["subject"]):
        return False
    for item in items:
        forget_late(item, wiring.bodies(), wiring.summaries())
        write(logger, "late", {"outcome": "erased", **count("erased")})
    return True


def _merge(items: Sequence[Item]) -> bool:
    """Merge events of one subject into its summary, and tell of them; tell whether this made the summary."""
    kind, subject = items[0]["kind"], items[0]["subject"]
    bodies = [read_body(item, wiring.bodies()) for item in items]
    events = list(map(StoredEvent.from_row, items, bodies))
    found = Found(facts_from(kind, events), last_expiry(events))
    tell = wiring.publisher().of(kind, subject, arrived, also=list(map(callback_push, events, bodies)))
    return wiring.summaries().merge(kind, subject, found, tell)
