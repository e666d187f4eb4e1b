"""Reads a stranger's JSON leniently: a function returns the type it is asked for or None, and never raises.

Tavus puts an event's members into `properties`, or at the top level of a flat body; test bodies of some
receivers have them under `data`. Their names changed over the years, so functions take several.
"""

import json
import re
from codecs import BOM_UTF8
from collections.abc import Mapping
from itertools import accumulate
from math import isfinite
from typing import Any, Never

from pydantic_core import from_json

from tavus_callbacks.domain.common.json_text import MAX_DEPTH, without_surrogates

# No conversation lasts a day, so a longer span is something else (milliseconds, a counter).
LONGEST_SECONDS = 24 * 60 * 60.0

_ENVELOPE = frozenset(
    ("event_type", "message_type", "conversation_id", "webhook_url", "timestamp", "properties", "data")
)
_BRACKET = re.compile(r"[\[\]{}]")


def parse_stored_body(raw: bytes) -> dict[str, Any]:
    """Parse a stored body. Intake checked it, so its depth and its numbers are within the limits.

    Halves of surrogate pairs, which only escapes can write, become U+FFFD.
    """
    bare = raw.removeprefix(BOM_UTF8)
    body: dict[str, Any]
    try:
        # Caches names only: values are what people said.
        body = from_json(bare, cache_strings="keys")
    except ValueError:
        # It refuses halves of surrogate pairs. Python's parser is slower and takes them.
        body = without_surrogates(json.loads(bare.decode()))
    return body


def members(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return an event's own members without blanks: `properties` wins over the top level, then `data`."""
    top = {name: value for name, value in body.items() if name not in _ENVELOPE}
    levels = (body.get("data"), top, body.get("properties"))
    return {
        name: value
        for level in levels
        if isinstance(level, dict)
        for name, value in level.items()
        if value is not None and (not isinstance(value, str) or value.strip())
    }


def text(value: object) -> str | None:
    """Return text without white space at its ends, or None if nothing is left."""
    return value.strip() or None if isinstance(value, str) else None


def first_text(said: Mapping[str, Any], *names: str) -> str | None:
    """Return the text under the first of the names that has any."""
    return next((value for name in names if (value := text(said.get(name)))), None)


def first(said: Mapping[str, Any], *names: str) -> Any:
    """Return the value under the first of the names that has one."""
    return next((value for name in names if (value := said.get(name)) is not None), None)


def mapping(value: object) -> dict[str, Any]:
    """Return the value if it is a JSON object, else an empty object."""
    return value if isinstance(value, dict) else {}


def number(value: object) -> float | None:
    """Return a finite number, also if it is written as text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        parsed = float(value)
    except (ValueError, OverflowError):
        return None
    return parsed if isfinite(parsed) else None


def seconds(value: object) -> float | None:
    """Return a span from 0 seconds to a day."""
    # A quicker test for the two numbers of each turn.
    span = value if type(value) is float else number(value)
    return span if span is not None and 0 <= span <= LONGEST_SECONDS else None


def parse_embedded(value: object) -> Any:
    """Return the object or array that a text holds as JSON, or the value itself."""
    if not isinstance(value, str) or value.lstrip()[:1] not in ("{", "["):
        return value
    steps = (1 if bracket in "[{" else -1 for bracket in _BRACKET.findall(value))
    if max(accumulate(steps), default=0) > MAX_DEPTH:
        return value
    try:
        return without_surrogates(json.loads(value, parse_constant=_refuse, parse_float=_parse_finite))
    except (ValueError, RecursionError):
        return value


def _refuse(name: str) -> Never:
    raise ValueError(name)


def _parse_finite(digits: str) -> float:
    parsed = float(digits)
    return parsed if isfinite(parsed) else _refuse(digits)
