"""Reading a stranger's JSON leniently: every helper answers in the form asked for, or None, and never raises.

The sender's members stand in `properties`, in flat forms at the top level, in some receivers' fixtures
under `data`; their names differ by year, so helpers take several.
"""

import json
import re
from collections.abc import Mapping
from itertools import accumulate
from math import isfinite
from typing import Any, Never

from tavus_callbacks.domain.common.json_text import (
    BYTE_ORDER_MARK,
    MAX_DEPTH,
    SURROGATE_ESCAPE,
    without_surrogates,
)

# No conversation lasts a day: a longer span is something else (milliseconds, a counter).
LONGEST_SECONDS = 24 * 60 * 60.0

_ENVELOPE = frozenset(
    ("event_type", "message_type", "conversation_id", "webhook_url", "timestamp", "properties", "data")
)
_BRACKET = re.compile(r"[\[\]{}]")


def parse_stored_body(text: str) -> dict[str, Any]:
    """Parse a kept body; it was checked when it came, so repeated keys, depths and numbers cannot surprise.

    Halves of surrogate pairs, which only escapes can bring, become U+FFFD.
    """
    body: dict[str, Any] = json.loads(text.removeprefix(BYTE_ORDER_MARK))
    return without_surrogates(body) if SURROGATE_ESCAPE.search(text) else body


def members(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return an event's own members, `properties` before the top level before `data`; blanks are absent."""
    top = {name: value for name, value in body.items() if name not in _ENVELOPE}
    levels = (body.get("data"), top, body.get("properties"))
    return {
        name: value
        for level in levels
        if isinstance(level, dict)
        for name, value in level.items()
        if not _is_blank(value)
    }


def _is_blank(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def text(value: object) -> str | None:
    """Return text without white space at its ends, or None where there is none."""
    return value.strip() or None if isinstance(value, str) else None


def first_text(said: Mapping[str, Any], *names: str) -> str | None:
    """Return the text under the first of the names that has any."""
    return next((found for name in names if (found := text(said.get(name)))), None)


def first(said: Mapping[str, Any], *names: str) -> Any:
    """Return the value under the first of the names that has one."""
    return next((found for name in names if (found := said.get(name)) is not None), None)


def mapping(value: object) -> dict[str, Any]:
    """Return an object, or an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def number(value: object) -> float | None:
    """Return a finite number, also where it is written as text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if isfinite(found) else None


def seconds(value: object) -> float | None:
    """Return a span between nothing and a day."""
    # A transcript's two numbers a turn nearly always are such.
    found = value if type(value) is float else number(value)
    return found if found is not None and 0 <= found <= LONGEST_SECONDS else None


def structured(value: object) -> Any:
    """Return the object or array that a text holds as JSON; anything else as it is."""
    if not isinstance(value, str) or value.lstrip()[:1] not in ("{", "["):
        return value
    try:
        return _load(value)
    except (ValueError, RecursionError):
        return value


def _load(source: str) -> Any:
    if _nesting(source) > MAX_DEPTH:
        raise ValueError(source)
    return without_surrogates(json.loads(source, parse_constant=_refuse, parse_float=_finite))


def _nesting(source: str) -> int:
    steps = (1 if bracket in "[{" else -1 for bracket in _BRACKET.findall(source))
    return max(accumulate(steps), default=0)


def _refuse(name: str) -> Never:
    raise ValueError(name)


def _finite(digits: str) -> float:
    found = float(digits)
    return found if isfinite(found) else _refuse(digits)
