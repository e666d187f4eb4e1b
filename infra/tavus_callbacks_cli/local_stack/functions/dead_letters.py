"""What Lambda writes to an S3 destination when it gives up: its keys and its two kinds of record.

Shapes and keys as "Retain discarded records for a DynamoDB event source" and "Capturing records of Lambda
asynchronous invocations" of the AWS documentation give them; the redrive reads the same on AWS.
"""

import json
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from tavus_callbacks_cli.local_stack.functions.async_invocations import Failed
    from tavus_callbacks_cli.local_stack.triggers.batches import Discarded

_VERSION = "$LATEST"


@dataclass(frozen=True)
class Shard:
    """Where records of a stream came from; `mapping_id` is the UUID of the event source mapping."""

    mapping_id: str
    stream_arn: str
    shard_id: str


def bucket_of(destination: dict[str, Any] | None) -> str | None:
    """Return the bucket of a DestinationConfig, None where there is none; raises ValueError for others."""
    arn = (destination or {}).get("OnFailure", {}).get("Destination")
    if arn is None:
        return None
    if not str(arn).startswith("arn:aws:s3:::"):
        raise ValueError(f"the destination {arn}")
    return str(arn).rpartition(":")[2]


def keep_discarded(s3: "S3Client", bucket: str, function_arn: str, shard: Shard, what: "Discarded") -> None:
    """Write records of a stream that are given up, whole."""
    now = datetime.now(UTC)
    record = {
        **_head(now, function_arn, what.condition, what.invocations),
        "DDBStreamBatchInfo": _batch_info(shard, what),
        "payload": json.dumps({"Records": what.records}),
    }
    _put(s3, bucket, f"{shard.mapping_id}/{shard.shard_id}", now, record)


def keep_event(s3: "S3Client", bucket: str, function_arn: str, what: "Failed") -> None:
    """Write an event whose asynchronous invocations all failed."""
    now = datetime.now(UTC)
    record = {
        **_head(now, f"{function_arn}:{_VERSION}", "RetriesExhausted", what.invocations),
        "requestPayload": what.event,
        "responsePayload": {"errorMessage": what.why},
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
        "responseContext": {
            "statusCode": 200,
            "executedVersion": _VERSION,
            "functionError": "Unhandled",
        },
    }


def _batch_info(shard: Shard, what: "Discarded") -> dict[str, Any]:
    first, last = what.records[0]["dynamodb"], what.records[-1]["dynamodb"]
    return {
        "shardId": shard.shard_id,
        "startSequenceNumber": first["SequenceNumber"],
        "endSequenceNumber": last["SequenceNumber"],
        "approximateArrivalOfFirstRecord": _seconds(first["ApproximateCreationDateTime"]),
        "approximateArrivalOfLastRecord": _seconds(last["ApproximateCreationDateTime"]),
        "batchSize": len(what.records),
        "streamArn": shard.stream_arn,
    }


def _seconds(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _put(s3: "S3Client", bucket: str, folder: str, now: datetime, record: dict[str, Any]) -> None:
    key = f"aws/lambda/{folder}/{now:%Y/%m/%d}/{now:%Y-%m-%dT%H.%M.%S}-{uuid.uuid4()}"
    body = json.dumps(record).encode()
    s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/json")
