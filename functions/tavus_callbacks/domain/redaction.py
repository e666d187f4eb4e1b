"""Taking tokens out of text before anything else sees it.

Tavus echoes the callback URL, token and query included, in `webhook_url`, and a resource's `callback_url`
does the same. The text is edited in place, so that all other bytes stay as they came.
"""

import json
import re
from collections.abc import Mapping
from urllib.parse import unquote_plus

from tavus_callbacks.domain.token import PATTERN

REDACTED = "REDACTED"

# Characters; ten tags of 100 fit in many times, however escaped, and nobody's query is longer.
LONGEST_QUERY = 20_000

# `_` in a URL that somebody encoded without need.
_ENCODED_TOKEN = re.compile(r"tcb%5[fF][0-9A-Za-z]{28}")

# Members that repeat the configured URL; they never count as content.
ECHOES = ("webhook_url", "callback_url")


def _letters(word: str) -> str:
    """Match a word whose letters stand as they are or as escapes (JSON in JSON has more backslashes)."""
    return "".join(rf"(?:{letter}|\\++u00(?i:{ord(letter):02x}))" for letter in word)


def _echo(names: str) -> re.Pattern[str]:
    return re.compile(rf'("(?:{names})"\s*:\s*")([^"\\]*(?:\\.[^"\\]*)*)', re.DOTALL)


_BASE62_ESCAPE = r"u00(?:3[0-9]|[46][1-9a-fA-F]|[57][0-9aA])"
_ESCAPED = re.compile(rf"\\{_BASE62_ESCAPE}|\\u005[fF]|\\tcb_")
_ESCAPED_TOKEN = re.compile(
    rf"(?<!\\)(\\*+)(t|u0074){_letters('cb_')}(?:[0-9A-Za-z]|\\++{_BASE62_ESCAPE}){{28}}"
)
_ECHO, _ESCAPED_ECHO = _echo("|".join(ECHOES)), _echo("|".join(map(_letters, ECHOES)))

# A URL inside a JSON string, where `?` and `&` can be escapes: what is before the query, `?`, the query.
_URL = re.compile(r"((?:[^\\?]++|\\(?!u003[fF]).)*+)(\?|\\u003[fF])?(.*)", re.DOTALL)
_PIECE = re.compile(r"&|\\u0026|((?:[^\\&]++|\\(?!u0026).)++)", re.DOTALL)


def redact(text: str, tags: Mapping[str, str]) -> str:
    """Replace every token by `REDACTED`, and leave of an echoed URL's query only the given tags."""
    text = _ENCODED_TOKEN.sub(REDACTED, text)
    if not _ESCAPED.search(text):
        return PATTERN.sub(REDACTED, _ECHO.sub(lambda echo: _trimmed(echo, tags), text))
    return _ESCAPED_TOKEN.sub(_replaced, _ESCAPED_ECHO.sub(lambda echo: _trimmed(echo, tags), text))


def redact_bytes(raw: bytes, tags: Mapping[str, str]) -> bytes:
    """Do the same to bytes that may be no text at all; every other byte stays."""
    return redact(raw.decode("utf-8", "surrogateescape"), tags).encode("utf-8", "surrogateescape")


def _replaced(token: re.Match[str]) -> str:
    """Take the backslashes of the first letter's escape along, for half an escape is no JSON."""
    slashes, letter = token.groups()
    return (slashes[len(slashes) % 2 :] if letter == "t" else "") + REDACTED


def _trimmed(echo: re.Match[str], tags: Mapping[str, str]) -> str:
    opening, url = echo.groups()
    base, mark, query = _URL.findall(url)[0]
    if len(query) > LONGEST_QUERY:
        return f"{opening}{base}"
    pieces = [piece for piece in _PIECE.findall(query) if piece]
    kept = [piece for piece in pieces if tags and _is_tag(_decoded(piece), tags)]
    if kept == pieces:
        return echo[0]
    return f"{opening}{base}{mark if kept else ''}{'&'.join(kept)}"


def _decoded(piece: str) -> str:
    try:
        return str(json.loads(f'"{piece}"', strict=False)) if "\\" in piece else piece
    except ValueError:
        return ""


def _is_tag(piece: str, tags: Mapping[str, str]) -> bool:
    name, _, value = piece.partition("=")
    return tags.get(unquote_plus(name)) == unquote_plus(value)
