"""The two kinds of records that Lambda writes to an S3 destination when it gives up, and their keys.

Shapes and keys are those of "Retain discarded records for a DynamoDB event source" and "Capturing records of
Lambda asynchronous invocations" in the AWS documentation. The redrive reads the same records on AWS.
"""

import json
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_VERSION = "$LATEST"

Condition = Literal["RetryAttemptsExhausted", "RecordAgeExceeded"]


@dataclass(frozen=True)
class Shard:
    """The origin of stream records; `mapping_id` is the UUID of the event source mapping."""

    mapping_id: str
    stream_arn: str
    shard_id: str


@dataclass(frozen=True)
class DiscardedRecords:
    """Stream records that Lambda gives up, the reason, and the number of invocations with them."""

    records: tuple[dict[str, Any], ...]
    condition: Condition
    invocations: int


@dataclass(frozen=True)
class FailedEvent:
    """An event whose asynchronous invocations all failed, and the reason of the last failure."""

    function: str
    event: Any
    invocations: int
    reason: str


def bucket_of(destination: dict[str, Any] | None) -> str | None:
    """Return the bucket of a DestinationConfig, or None without one; raises ValueError for other targets."""
    arn = (destination or {}).get("OnFailure", {}).get("Destination")
    if arn is None:
        return None
    if not str(arn).startswith("arn:aws:s3:::"):
        raise ValueError(f"the destination {arn}")
    return str(arn).rpartition(":")[2]


def write_discarded(
    s3: "S3Client", bucket: str, function_arn: str, shard: Shard, discarded: DiscardedRecords
) -> None:
    """Write discarded records of a stream, whole."""
    now = datetime.now(UTC)
    first, last = discarded.records[0]["dynamodb"], discarded.records[-1]["dynamodb"]
    record = {
        **_head(now, function_arn, discarded.condition, discarded.invocations),
        "DDBStreamBatchInfo": {
            "shardId": shard.shard_id,
            "startSequenceNumber": first["SequenceNumber"],
            "endSequenceNumber": last["SequenceNumber"],
            "approximateArrivalOfFirstRecord": _seconds(first["ApproximateCreationDateTime"]),
            "approximateArrivalOfLastRecord": _seconds(last["ApproximateCreationDateTime"]),
            "batchSize": len(discarded.records),
            "streamArn": shard.stream_arn,
        },
        "payload": json.dumps({"Records": discarded.records}),
    }
    _put(s3, bucket, f"{shard.mapping_id}/{shard.shard_id}", now, record)


def write_failed_event(s3: "S3Client", bucket: str, function_arn: str, failed: FailedEvent) -> None:
    """Write an event whose asynchronous invocations all failed."""
    now = datetime.now(UTC)
    record = {
        **_head(now, f"{function_arn}:{_VERSION}", "RetriesExhausted", failed.invocations),
        "requestPayload": failed.event,
        "responsePayload": {"errorMessage": failed.reason},
    }
    _put(s3, bucket, f"async/{function_arn.rpartition(':')[2]}", now, record)


def _head(now: datetime, function_arn: str, condition: str, invocations: int) -> dict[str, Any]:
    return {
        "version": "1.0",
        "timestamp": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "requestContext": {
            "requestId": str(uuid.uuid4()),
            "functionArn": function_arn,
            "condition": condition,
            "approximateInvokeCount": invocations,
        },
        "responseContext": {"statusCode": 200, "executedVersion": _VERSION, "functionError": "Unhandled"},
    }


def _seconds(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _put(s3: "S3Client", bucket: str, folder: str, now: datetime, record: dict[str, Any]) -> None:
    key = f"aws/lambda/{folder}/{now:%Y/%m/%d}/{now:%Y-%m-%dT%H.%M.%S}-{uuid.uuid4()}"
    body = json.dumps(record).encode()
    s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/json")
