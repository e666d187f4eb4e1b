"""Cursors: where a list goes on, opaque to the caller and worth nothing but that."""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from tavus_callbacks.domain.common.digests import canonical, digest_json


class BadCursor(ValueError):
    """The text is no cursor of ours."""


def encode(state: dict[str, Any]) -> str:
    """Write a list's state as text that needs no escaping in a URL."""
    return base64.urlsafe_b64encode(canonical(state).encode()).decode().rstrip("=")


def list_name(path: str, filters: Mapping[str, str]) -> str:
    """Name a list by its path and filters: a place in one list is none in another."""
    return digest_json([path, dict(filters)], 8)


def decode(text: str) -> dict[str, Any]:
    """Read it again; raises BadCursor."""
    try:
        state = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        raise BadCursor(text) from None
    if not isinstance(state, dict):
        raise BadCursor(text)
    return state
