"""Batches of records: each record succeeds or fails alone, and Lambda sends those again that failed.

Powertools would raise if every record fails, with the text of each error, and that may hold a body.
"""

import base64
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord

from tavus_callbacks.domain.common.errors import describe_fault

if TYPE_CHECKING:
    from tavus_callbacks.domain.common.metrics import Counts

Log = Callable[[str, dict[str, Any]], None]


def make_processor(event_type: EventType) -> BatchProcessor:
    """Return a processor that names the failed records, even if all failed."""
    return BatchProcessor(event_type=event_type, raise_on_entire_batch_failure=False)


def process_records(
    event: dict[str, Any],
    context: Any,
    handler: Callable[[Any], "Counts"],
    processor: BatchProcessor,
    log: Log,
) -> Any:
    """Call `handler` with each record; log the sums of the counts that it returns, and the faults."""
    sums: Counter[str] = Counter()
    answer = process_partial_response(event, lambda record: sums.update(handler(record)), processor, context)
    raised = [fault for _, fault, _ in processor.exceptions if fault]
    record = {"records": len(event["Records"]), "failed": len(raised), **sums}
    log("batch", {**record, "faults": sorted(set(map(describe_fault, raised)))})
    return answer


def process_groups(
    event: dict[str, Any],
    key: Callable[[DynamoDBRecord], Hashable],
    handler: Callable[[Sequence[DynamoDBRecord]], None],
    log: Log,
) -> Any:
    """Call `handler` with the records of one key together; if that fails, with each alone.

    So Lambda learns which record failed, and sends no other one again.
    """
    records = [DynamoDBRecord(record) for record in event["Records"]]
    groups: dict[Hashable, list[DynamoDBRecord]] = {}
    for record in records:
        groups.setdefault(key(record), []).append(record)
    failures = [failure for group in groups.values() for failure in _process_group(group, handler)]
    counts = {"records": len(records), "failed": len(failures)}
    log("batch", {**counts, "faults": sorted({fault for _, fault in failures})})
    return {"batchItemFailures": [{"itemIdentifier": number} for number, _ in failures]}


def _process_group(
    group: Sequence[DynamoDBRecord], handler: Callable[[Sequence[DynamoDBRecord]], None]
) -> list[tuple[str | None, str]]:
    """Return the sequence numbers of the records that failed, each with its fault."""
    try:
        handler(group)
    except Exception as fault:  # noqa: BLE001  # the outermost edge: Lambda sends the record again
        if len(group) > 1:
            return [failure for record in group for failure in _process_group([record], handler)]
        image = group[0].dynamodb
        return [(image.sequence_number if image else None, describe_fault(fault))]
    return []


def new_image(record: DynamoDBRecord) -> dict[str, Any]:
    """Return the row in a stream record. Powertools leaves its bytes in base64."""
    row = dict(record.dynamodb.new_image) if record.dynamodb else {}
    return {**row, "body": base64.b64decode(row["body"])} if "body" in row else row
