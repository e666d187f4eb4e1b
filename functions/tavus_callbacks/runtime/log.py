"""The one record that a function logs of a request or a batch, with its metrics."""

import time
from typing import TYPE_CHECKING, Any

from tavus_callbacks.domain.common.metrics import emf_member
from tavus_callbacks.runtime.settings import settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_lambda_powertools import Logger


def write_record(logger: "Logger", message: str, record: "Mapping[str, Any]") -> None:
    """Log a record; CloudWatch reads the metrics among its members."""
    at = time.time_ns() // 1_000_000
    logger.info(message, extra={**record, **emf_member(record, settings().metrics_namespace, at)})
