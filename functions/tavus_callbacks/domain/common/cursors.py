"""Cursors: where a list continues. They are opaque to the caller."""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from tavus_callbacks.domain.common.digests import canonical, digest_json


class BadCursor(ValueError):
    """The text is not a cursor."""


def encode(state: dict[str, Any]) -> str:
    """Write a list's state as text that needs no escapes in a URL."""
    return base64.urlsafe_b64encode(canonical(state).encode()).decode().rstrip("=")


def list_name(path: str, filters: Mapping[str, str]) -> str:
    """Return the name of a list, from its path and filters: a cursor of one list is not valid for another."""
    return digest_json([path, dict(filters)], 8)


def decode(text: str) -> dict[str, Any]:
    """Return the state in a cursor; raises BadCursor."""
    try:
        state = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        raise BadCursor(text) from None
    if not isinstance(state, dict):
        raise BadCursor(text)
    return state
