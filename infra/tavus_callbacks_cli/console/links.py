"""Addresses of pages within a console; static/base.js reads them."""

from math import ceil
from urllib.parse import quote


def conversation_address(console: str, conversation_id: str, start: float | None = None) -> str:
    """Return the address of a conversation, at a moment in seconds from its start.

    `console` is an address that signs in: the page cuts the key off at the first slash behind it.
    """
    # Rounded down, it would be a moment of the turn before.
    moment = "" if start is None else f"?t={ceil(start * 10) / 10}"
    # An argument of a command can hold bytes that are not UTF-8, and no id has them.
    return f"{console}/conversations/{quote(conversation_id, safe='', errors='replace')}{moment}"
