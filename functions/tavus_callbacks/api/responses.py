"""Answers in JSON, as all routes give them."""

import json
from collections.abc import Iterable
from typing import Any

from aws_lambda_powertools.event_handler import Response

from tavus_callbacks.domain.common.json_text import escape_surrogates
from tavus_callbacks.runtime.http import JSON_TYPE, fits

NO_STORE = {"cache-control": "no-store"}


def json_answer(value: dict[str, Any]) -> Response[str]:
    """Answer with JSON."""
    return Response(200, JSON_TYPE, _written(value), NO_STORE)


def first_fitting(values: Iterable[dict[str, Any]]) -> Response[str]:
    """Answer with the first value that Lambda hands back, else with the last."""
    text = ""
    for text in map(_written, values):
        if fits(text):
            break
    return Response(200, JSON_TYPE, text, NO_STORE)


def _written(value: dict[str, Any]) -> str:
    """Write JSON as UTF-8 can hold it: escaped, most scripts would take three times the room.

    Halves of surrogate pairs have no UTF-8 and stay escaped.
    """
    return escape_surrogates(json.dumps(value, ensure_ascii=False, allow_nan=False))
