"""Answers in JSON, as all routes give them."""

import json
from typing import Any

from aws_lambda_powertools.event_handler import Response

from tavus_callbacks.aws.gateway import JSON_TYPE

NO_STORE = {"cache-control": "no-store"}


def json_answer(value: dict[str, Any]) -> Response[str]:
    """Answer with JSON; everything beyond ASCII is escaped, so that any text goes out valid."""
    return Response(200, JSON_TYPE, json.dumps(value, allow_nan=False), NO_STORE)
