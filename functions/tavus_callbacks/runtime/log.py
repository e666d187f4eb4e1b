"""The one record that a function logs for a request or a batch, with its metrics."""

import time
from typing import TYPE_CHECKING, Any

from tavus_callbacks.runtime.settings import settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_lambda_powertools import Logger


def write_record(logger: "Logger", message: str, record: "Mapping[str, Any]") -> None:
    """Log a record. CloudWatch reads the members that METRICS names as metrics; zeros are left out.

    The embedded metric format: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/
    CloudWatch_Embedded_Metric_Format_Specification.html
    """
    config = settings()
    metrics = [{"Name": name} for name, value in record.items() if name in config.metrics and value]
    extra: dict[str, Any] = {**record}
    if metrics:
        directive = {"Namespace": config.metrics_namespace, "Dimensions": [[]], "Metrics": metrics}
        extra["_aws"] = {"Timestamp": time.time_ns() // 1_000_000, "CloudWatchMetrics": [directive]}
    logger.info(message, extra=extra)
