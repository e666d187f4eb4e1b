"""Taking tokens out of text before anything else sees it.

Tavus echoes the callback URL, token and query included, in `webhook_url`, and a resource's `callback_url`
does the same. The text is edited in place, so that all other bytes stay as they came.
"""

import json
import re
from collections.abc import Mapping
from urllib.parse import parse_qsl

from tavus_callbacks.domain.token import PATTERN

REDACTED = "REDACTED"

# Members that repeat the configured URL; they never count as content.
ECHOES = ("webhook_url", "callback_url")

_ECHO = re.compile(rf'("(?:{"|".join(ECHOES)})"\s*:\s*")([^"\\]*(?:\\.[^"\\]*)*)', re.DOTALL)
_PLAIN_ESCAPE = re.compile(r"(?<!\\)((?:\\\\)*)\\u00([3-7][0-9a-fA-F])")


def redact(text: str, tags: Mapping[str, str]) -> str:
    """Replace every token by `REDACTED`, and leave of an echoed URL's query only the given tags."""
    return PATTERN.sub(REDACTED, _ECHO.sub(lambda echo: _trimmed(echo, tags), _revealed(text)))


def redact_bytes(raw: bytes, tags: Mapping[str, str]) -> bytes:
    """Do the same to bytes that may be no text at all; every other byte stays."""
    return redact(raw.decode("utf-8", "surrogateescape"), tags).encode("utf-8", "surrogateescape")


def _revealed(text: str) -> str:
    """Undo escapes of letters, digits and `_` where they hide a token or an echo; else leave the text."""
    if "\\u00" not in text:
        return text
    plain = _PLAIN_ESCAPE.sub(_unescaped, text)
    return plain if _secrets(plain) != _secrets(text) else text


def _unescaped(escape: re.Match[str]) -> str:
    character = chr(int(escape[2], 16))
    return escape[1] + character if character.isalnum() or character == "_" else escape[0]


def _secrets(text: str) -> tuple[int, int]:
    return len(PATTERN.findall(text)), len(_ECHO.findall(text))


def _trimmed(echo: re.Match[str], tags: Mapping[str, str]) -> str:
    opening, literal = echo.groups()
    url = _decoded(literal)
    trimmed = _with_only(url, tags)
    return opening + (literal if trimmed == url else json.dumps(trimmed)[1:-1])


def _decoded(literal: str) -> str:
    try:
        return str(json.loads(f'"{literal}"', strict=False))
    except ValueError:
        return literal


def _with_only(url: str, tags: Mapping[str, str]) -> str:
    base, mark, rest = url.partition("?")
    kept = [piece for piece in rest.split("&") if _is_tag(piece, tags)]
    return base + (mark + "&".join(kept) if kept else "")


def _is_tag(piece: str, tags: Mapping[str, str]) -> bool:
    pairs = parse_qsl(piece, keep_blank_values=True)
    return bool(pairs) and all(tags.get(name) == value for name, value in pairs)
