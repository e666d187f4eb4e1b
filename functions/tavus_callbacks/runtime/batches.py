"""Batches of messages: each message succeeds or fails alone, and the queue gives those again that failed.

Powertools would raise if every message fails, with the text of each error, and that may hold a body.
"""

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

from tavus_callbacks.domain.common.errors import describe_fault

if TYPE_CHECKING:
    from tavus_callbacks.domain.common.metrics import Counts

Log = Callable[[str, dict[str, Any]], None]


def make_processor() -> BatchProcessor:
    """Return a processor that names the failed messages, even if all failed."""
    return BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


def process_records(
    event: dict[str, Any],
    context: Any,
    handler: Callable[[Any], "Counts"],
    processor: BatchProcessor,
    log: Log,
) -> Any:
    """Call `handler` with each message; log the sums of the counts that it returns, and the faults."""
    sums: Counter[str] = Counter()
    answer = process_partial_response(event, lambda record: sums.update(handler(record)), processor, context)
    raised = [fault for _, fault, _ in processor.exceptions if fault]
    record = {"records": len(event["Records"]), "failed": len(raised), **sums}
    log("batch", {**record, "faults": sorted(set(map(describe_fault, raised)))})
    return answer
