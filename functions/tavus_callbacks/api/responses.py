"""Answers in JSON, as all routes give them."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from aws_lambda_powertools.event_handler import Response

from tavus_callbacks.domain.common.json_text import escape_surrogates
from tavus_callbacks.runtime.http import JSON_TYPE

NO_STORE = {"cache-control": "no-store"}

# Lambda returns at most this many bytes, less what an answer is beside its body.
BODY_LIMIT = 6 * 1024 * 1024 - 1024

View = dict[str, Any]


def json_answer(view: View, truncate: Callable[[View], Iterator[View]] | None = None) -> Response[str]:
    """Answer with JSON. `truncate` yields ever smaller views, for one that Lambda would not return."""
    text = _write(view)
    if truncate and not fits(text):
        for smaller in truncate(view):
            text = _write(smaller)
            if fits(text):
                break
    return Response(200, JSON_TYPE, text, NO_STORE)


def fits(body: str) -> bool:
    """Return whether Lambda returns a body, which it writes into JSON: quotes and the like count twice."""
    # No character takes more than six bytes.
    return len(body) * 6 <= BODY_LIMIT or len(json.dumps(body, ensure_ascii=False).encode()) <= BODY_LIMIT


def _write(view: View) -> str:
    """Write JSON in UTF-8; escaped, most scripts would take three times the room.

    Lone halves of surrogate pairs have no UTF-8 and stay escaped.
    """
    return escape_surrogates(json.dumps(view, ensure_ascii=False, allow_nan=False))
