"""Batches of records: each is taken alone, and what fails is named to Lambda, which gives it again.

Powertools would raise where every record fails, with the text of each error, and that may hold a body.
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


def processor_of(event_type: EventType) -> BatchProcessor:
    """Return a processor that answers which records failed, even where all did."""
    return BatchProcessor(event_type=event_type, raise_on_entire_batch_failure=False)


def take(
    event: dict[str, Any],
    context: Any,
    handler: Callable[[Any], "Counts"],
    processor: BatchProcessor,
    log: Callable[[str, dict[str, Any]], None],
) -> Any:
    """Give each record of a batch to `handler`, which returns its counts; log their sums, and what failed."""
    sums: Counter[str] = Counter()
    answer = process_partial_response(event, lambda record: sums.update(handler(record)), processor, context)
    raised = [fault for _, fault, _ in processor.exceptions if fault]
    record = {"records": len(event["Records"]), "failed": len(raised), **sums}
    log("batch", {**record, "faults": sorted(set(map(describe_fault, raised)))})
    return answer


def take_together(
    event: dict[str, Any],
    key: Callable[[DynamoDBRecord], Hashable],
    handler: Callable[[Sequence[DynamoDBRecord]], None],
    log: Callable[[str, dict[str, Any]], None],
) -> Any:
    """Give the records of one key to `handler` together, and where that fails each alone.

    Alone, so that a record that cannot be taken names itself to Lambda and no other one.
    """
    records = [DynamoDBRecord(record) for record in event["Records"]]
    together: dict[Hashable, list[DynamoDBRecord]] = {}
    for record in records:
        together.setdefault(key(record), []).append(record)
    failed = [each for group in together.values() for each in _failed(group, handler)]
    counts = {"records": len(records), "failed": len(failed)}
    log("batch", {**counts, "faults": sorted({fault for _, fault in failed})})
    return {"batchItemFailures": [{"itemIdentifier": number} for number, _ in failed]}


def _failed(
    group: Sequence[DynamoDBRecord], handler: Callable[[Sequence[DynamoDBRecord]], None]
) -> list[tuple[str | None, str]]:
    """Return the sequence numbers of the records that failed, each with its fault."""
    try:
        handler(group)
    except Exception as fault:  # noqa: BLE001  # the outermost edge: what failed is named and given again
        if len(group) > 1:
            return [each for record in group for each in _failed([record], handler)]
        return [(_number(group[0]), describe_fault(fault))]
    return []


def _number(record: DynamoDBRecord) -> str | None:
    return record.dynamodb.sequence_number if record.dynamodb else None


def item_of(record: DynamoDBRecord) -> dict[str, Any]:
    """Return the item of a stream record; Powertools leaves its bytes in base64."""
    item = dict(record.dynamodb.new_image) if record.dynamodb else {}
    return {**item, "body": base64.b64decode(item["body"])} if "body" in item else item
