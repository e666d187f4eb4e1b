"""A conversation's view without its largest values: Lambda hands back 6 MB, and a conversation can hold more.

What is left out stands in its event: whatever lost a value names in `body_url` where that is read.
"""

import json
from collections.abc import Iterator
from typing import Any

# Bytes of JSON that a value may have, ever less: the first are rare in a view, the last leave it readable.
_MOST = (256 * 1024, 16 * 1024, 1024)

# What stands in their place; anything else can be null.
_EMPTY: dict[str, Any] = {"values": {}, "properties": {}}
# Members that repeat what an event says, in parts that name no event: its deliveries or triggers do.
_REPEATED = ("values", "name", "guardrail_id")


def shorter(view: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the view as it is, then with ever smaller values left out."""
    yield view
    for most in _MOST:
        yield _without_large(view, most)


def _without_large(value: Any, most: int) -> Any:
    if isinstance(value, list):
        return [_without_large(one, most) for one in value]
    if not isinstance(value, dict):
        return value
    if "event_id" in value:
        return _happened(value, most)
    return {
        name: _EMPTY.get(name) if name in _REPEATED and _is_large(one, most) else _without_large(one, most)
        for name, one in value.items()
    }


def _happened(value: dict[str, Any], most: int) -> dict[str, Any]:
    large = [name for name, one in value.items() if _is_large(one, most)]
    if not large:
        return value
    left = {name: _EMPTY.get(name) for name in large}
    return {**value, **left, "body_url": f"/events/{value['event_id']}/body"}


def _is_large(value: Any, most: int) -> bool:
    return len(json.dumps(value, ensure_ascii=False)) > most
