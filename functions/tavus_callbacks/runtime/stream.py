"""Records of a DynamoDB stream: their rows, and batches whose records are processed by key.

This does not import Powertools' batch: behind pydantic, that would load its parser.
"""

import base64
from collections.abc import Callable, Hashable, Sequence
from typing import Any

from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord

from tavus_callbacks.domain.common.errors import describe_fault

Log = Callable[[str, dict[str, Any]], None]


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
