"""A conversation's view without its largest values: Lambda returns 6 MB, and a conversation can have more.

The event still has a value that was left out: the part that lost it names the event's body in `body_url`.
"""

import json
from collections.abc import Iterator
from typing import Any

# Bytes of JSON that a value may have, ever fewer: few values exceed the first, and the last keeps most text.
_MOST = (256 * 1024, 16 * 1024, 1024)

# The values in their place; any other member can be null.
_EMPTY: dict[str, Any] = {"values": {}, "properties": {}}
# Members that repeat an event's values in parts that name no event; its deliveries or triggers do.
_REPEATED = ("values", "name", "guardrail_id")


def truncate(view: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the view with ever smaller values left out."""
    for most in _MOST:
        yield _without_large(view, most)


def _without_large(value: Any, most: int) -> Any:
    if isinstance(value, list):
        return [_without_large(element, most) for element in value]
    if not isinstance(value, dict):
        return value
    if "event_id" in value:
        return _point_to_body(value, most)
    return {
        name: _EMPTY.get(name)
        if name in _REPEATED and _is_large(member, most)
        else _without_large(member, most)
        for name, member in value.items()
    }


def _point_to_body(value: dict[str, Any], most: int) -> dict[str, Any]:
    large = [name for name, member in value.items() if _is_large(member, most)]
    if not large:
        return value
    left_out = {name: _EMPTY.get(name) for name in large}
    return {**value, **left_out, "body_url": f"/events/{value['event_id']}/body"}


def _is_large(value: Any, most: int) -> bool:
    return len(json.dumps(value, ensure_ascii=False)) > most
