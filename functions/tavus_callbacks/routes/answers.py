"""What all routes share: query parameters, cursors, and answers in JSON."""

import json
from collections.abc import Sequence
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from tavus_callbacks.aws.gateway import JSON_TYPE
from tavus_callbacks.domain import cursor
from tavus_callbacks.domain.errors import BadRequest

NO_STORE = {"cache-control": "no-store"}
BAD_CURSOR = "The cursor is none of ours: pass on the `cursor` of an answer as it came."
DEFAULT_LIMIT, MAX_LIMIT = 50, 200


def json_answer(value: dict[str, Any]) -> Response[str]:
    """Answer with JSON; everything beyond ASCII is escaped, so that any text goes out valid."""
    return Response(200, JSON_TYPE, json.dumps(value, allow_nan=False), NO_STORE)


def parameter(event: APIGatewayProxyEventV2, name: str) -> str | None:
    """Return a query parameter, None where it is not given."""
    return event.query_string_parameters.get(name)


def whole_number(event: APIGatewayProxyEventV2, name: str, default: int, most: int) -> int:
    """Return a parameter that is a whole number from 1 to `most`; raises BadRequest."""
    text = parameter(event, name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(most)) and 1 <= int(text) <= most):
        raise BadRequest(f"{name} takes a whole number from 1 to {most}.")
    return int(text)


def limit(event: APIGatewayProxyEventV2) -> int:
    """Return how many things a page holds."""
    return whole_number(event, "limit", DEFAULT_LIMIT, MAX_LIMIT)


def flag(event: APIGatewayProxyEventV2, name: str) -> bool:
    """Return a parameter that is `true` or `false`; raises BadRequest."""
    text = parameter(event, name) or "false"
    if text not in ("true", "false"):
        raise BadRequest(f"{name} takes true or false.")
    return text == "true"


def one_of(event: APIGatewayProxyEventV2, name: str, values: Sequence[str]) -> str | None:
    """Return a parameter that takes certain words, None where it is not given; raises BadRequest."""
    text = parameter(event, name)
    if text is not None and text not in values:
        raise BadRequest(f"{name} takes {' or '.join(values)}.")
    return text


def position(event: APIGatewayProxyEventV2, name: str = "cursor") -> dict[str, Any]:
    """Return the state that a cursor carries, {} where none is given; raises BadRequest."""
    text = parameter(event, name)
    try:
        return cursor.decode(text) if text else {}
    except cursor.BadCursor:
        raise BadRequest(BAD_CURSOR) from None
