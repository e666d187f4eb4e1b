"""What is given up, written into the failed bucket as Lambda writes it, so that one redrive finds all."""

import json
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tavus_callbacks.aws.errors import store_down
from tavus_callbacks.domain.common.timestamps import iso

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True, slots=True)
class FailedBucket:
    """The bucket, and the function that gives up."""

    client: "S3Client"
    name: str
    function_arn: str

    def keep(self, event: dict[str, Any], *, attempts: int, why: str, at: datetime) -> None:
        """Keep an event for a redrive, which gives it to the function as it stands here; raises StoreDown."""
        record = {
            "version": "1.0",
            "timestamp": iso(at),
            "requestContext": {
                "requestId": str(uuid.uuid4()),
                "functionArn": self.function_arn,
                "condition": "RetriesExhausted",
                "approximateInvokeCount": attempts,
            },
            "requestPayload": event,
            "responsePayload": {"errorMessage": why},
        }
        function = self.function_arn.split(":")[6]
        key = f"aws/lambda/async/{function}/{at:%Y/%m/%d}/{at:%Y-%m-%dT%H.%M.%S}-{uuid.uuid4()}"
        with store_down():
            self.client.put_object(
                Bucket=self.name, Key=key, Body=json.dumps(record).encode(), ContentType="application/json"
            )
