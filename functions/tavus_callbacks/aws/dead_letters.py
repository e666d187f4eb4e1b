"""Dead letters: events that a function gives up, in Lambda's own form, so that one command redrives both."""

import json
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tavus_callbacks.aws.errors import store_down
from tavus_callbacks.domain.common.timestamps import iso

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


# A member of an event that a redrive gives to its function. Its records are reported if they fail again: the
# dead letter they come from stays, and another one would double them.
REDRIVEN = "redriven"
# Lambda's own prefix.
PREFIX = "aws/lambda/"


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """The bucket, and the function that gives events up."""

    client: "S3Client"
    bucket: str
    function_arn: str

    def write(self, event: dict[str, Any], *, condition: str, attempts: int, why: str, at: datetime) -> None:
        """Write an event that a redrive gives to the function again; raises StoreDown.

        `why` must not hold anything of a body.
        """
        record = {
            "version": "1.0",
            "timestamp": iso(at),
            "requestContext": {
                "requestId": str(uuid.uuid4()),
                "functionArn": self.function_arn,
                "condition": condition,
                "approximateInvokeCount": attempts,
            },
            "requestPayload": event,
            "responsePayload": {"errorMessage": why},
        }
        function = self.function_arn.split(":")[6]
        key = f"{PREFIX}async/{function}/{at:%Y/%m/%d}/{at:%Y-%m-%dT%H.%M.%S}-{uuid.uuid4()}"
        with store_down():
            self.client.put_object(
                Bucket=self.bucket, Key=key, Body=json.dumps(record).encode(), ContentType="application/json"
            )


def count_dead_letters(client: "S3Client", bucket: str) -> int:
    """Return how many dead letters there are, at most 1,000; raises StoreDown."""
    with store_down():
        return client.list_objects_v2(Bucket=bucket, Prefix=PREFIX)["KeyCount"]
