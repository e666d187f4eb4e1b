"""Keep summaries and publish: the function that the event stream gives every stored event, in any order.

It may get an event more than once. The events of one subject in a batch are merged together. If that fails
after pushes were published, the events come again and the same pushes go out under the same ids.
"""

from collections.abc import Sequence
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from tavus_callbacks.aws.stores.subject_events import read_body
from tavus_callbacks.domain.common.metrics import count
from tavus_callbacks.domain.events.stored_event import StoredEvent
from tavus_callbacks.domain.pushes.derived import types_by_events
from tavus_callbacks.domain.pushes.push import callback_push
from tavus_callbacks.logic.publish import Publisher
from tavus_callbacks.logic.remove_late import remove_late
from tavus_callbacks.logic.summarize import merge_update, summarize, update_from
from tavus_callbacks.runtime import stream, wiring
from tavus_callbacks.runtime.log import write_record
from tavus_callbacks.runtime.settings import settings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord

logger = Logger(location=None, use_rfc3339=True)

# Bytes of bodies that are read at once. A batch of the largest bodies would not fit into the memory.
TOGETHER = 8 * 1024 * 1024

Item = dict[str, Any]


def handler(event: dict[str, Any], context: Any) -> Any:
    """Project a batch of the event stream, or of a redrive: the records of one subject together."""
    subject, log = itemgetter("kind", "subject"), partial(write_record, logger)
    return stream.process_groups(
        event, context, _project, log, key=lambda record: subject(stream.new_image(record))
    )


def _project(records: "Sequence[DynamoDBRecord]") -> None:
    items = [stream.new_image(record) for record in records]
    # Before bodies are read: those of an erased subject are gone, and the stream still has its events.
    if _drop_late(items):
        return
    is_small = sum(int(item["body_size"]) for item in items) <= TOGETHER
    made = [_merge(group) for group in ([items] if is_small else [[item] for item in items])]
    # An erasure deletes the summaries that are there. One that was made just now may have come after that.
    if any(made):
        _drop_late(items)


def _drop_late(items: Sequence[Item]) -> bool:
    """Return whether the subject is erased, and remove its late events in that case."""
    summaries, bodies = wiring.summaries(), wiring.bodies()
    if not summaries.tombstones.is_erased(items[0]["kind"], items[0]["subject"]):
        return False
    for item in items:
        remove_late(item, bodies, summaries)
        write_record(logger, "late", {"outcome": "erased", **count("erased")})
    return True


def _merge(items: Sequence[Item]) -> bool:
    """Merge events of one subject into its summary and publish; returns True if this made the summary."""
    kind, subject, bus = items[0]["kind"], items[0]["subject"], wiring.event_bus()
    bodies = [read_body(item, wiring.bodies()) for item in items]
    events = list(map(StoredEvent.from_row, items, bodies))
    update = update_from(kind, events)
    callbacks = list(map(callback_push, events, bodies))
    publisher = Publisher(bus, settings().fold, types_by_events, callbacks) if bus else None
    summaries = wiring.summaries()
    summaries.entries.cover(kind)
    return summarize(summaries, kind, subject, lambda stored: merge_update(stored, update), publisher)
