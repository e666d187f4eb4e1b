"""Removes tokens from text before anything else sees it.

Tavus repeats the callback URL with its token and query in `webhook_url`, and in a resource's `callback_url`.
Only these parts of the text change; all other bytes stay as they came. common/token.py finds the tokens.
Patterns for text with escapes are compiled when they are first needed, which keeps a cold start short.
"""

import json
import re
from collections.abc import Callable, Mapping
from functools import cache
from urllib.parse import unquote_plus

from tavus_callbacks.domain.common.compression import contents
from tavus_callbacks.domain.common.token import REDACTED, decode_escapes, find_tokens, replace_tokens

# Characters of a query that is read. Ten tags of 100 characters fit in many times, however escaped.
LONGEST_QUERY = 20_000

# Characters of all queries that are read of one body: each tag takes 2 µs. Further queries are removed.
MOST_QUERIES = 100_000

# Characters of an echoed URL before its query. A longer one with an escape in it is redacted whole.
LONGEST_URL = 1000

# Echoed URLs of a body that are read one by one. Tavus sends one, and 6 MB hold 350,000.
MOST_ECHOES = 500

# Members that repeat the callback URL; they never count as content.
ECHOES = ("webhook_url", "callback_url")

_ESCAPED = r"\u00"
# Everything up to a quote of any depth and the backslashes before it.
_TO_A_QUOTE = r'[^"\\]*+(?:\\++(?!")[^"\\]*+)*+'
# The NULs between two ASCII characters in UTF-16 and in UTF-32.
_GAPS = ("\0", "\0\0\0")
# From the start of a word, at least `tcb_` and 16 digits.
_WIDE_WORD = r"(?<![0-9A-Za-z_%\\]{0})[0-9A-Za-z_%\\](?:{0}[0-9A-Za-z_%\\]){{19,}}+"
# API Gateway's route. Everything behind it in a URL is a token, or was meant to be one.
_ROUTE = re.compile(r"/callbacks[\\/]*/", re.IGNORECASE)


def redact(text: str, tags: Mapping[str, str]) -> str:
    """Replace every token by `-REDACTED-`; an echoed URL keeps only the given tags behind it."""
    is_escaped = _ESCAPED in text
    if is_escaped or any(name in text for name in ECHOES):
        text = _trim_echoes(text, tags, is_escaped=is_escaped)
    return replace_tokens(text)


def redact_bytes(raw: bytes, tags: Mapping[str, str]) -> bytes:
    """Redact bytes that may be no text at all; every other byte stays.

    Finds tokens in UTF-16 and UTF-32 too. A compressed body that holds a token is returned inflated.
    """
    inflated = contents(raw)
    redacted = _redact_inflated(inflated, tags)
    return _redact_inflated(raw, tags) if redacted == inflated else redacted


def _redact_inflated(raw: bytes, tags: Mapping[str, str]) -> bytes:
    narrow = _replace_wide_tokens(raw) if b"\0" in raw else raw
    return redact(narrow.decode("utf-8", "surrogateescape"), tags).encode("utf-8", "surrogateescape")


def _replace_wide_tokens(raw: bytes) -> bytes:
    text = raw.decode("latin-1")
    for gap in _GAPS:
        pattern = re.compile(_WIDE_WORD.format(gap))
        # All words in one call, because the number of characters that a call decodes is bounded.
        words = "\n".join(word[0][:: len(gap) + 1] for word in pattern.finditer(text))
        widened = map(gap.join, replace_tokens(words).split("\n"))
        text = pattern.sub(lambda _, words=widened: next(words), text)  # type: ignore[misc]
    return text.encode("latin-1")


def _trim_echoes(text: str, tags: Mapping[str, str], *, is_escaped: bool) -> str:
    """Keep only the given tags behind an echoed URL's token; empty the URLs after the first MOST_ECHOES."""
    echoes, position = re.compile(_echo(is_escaped=is_escaped)), 0
    pieces: list[str] = []
    left = MOST_QUERIES
    while len(pieces) < 2 * MOST_ECHOES and (echo := echoes.search(text, position)):
        depth, start = len(echo["slashes"]), echo.end()
        end = _end_of_string(text, start, depth)
        trimmed, length = _trim_url(text[start:end], tags, depth, min(left, LONGEST_QUERY))
        pieces += [text[position:start], trimmed]
        position, left = end, left - length
    rest = text[position:]
    if len(pieces) == 2 * MOST_ECHOES:
        rest = re.sub(f"({_echo(is_escaped=is_escaped)}){_TO_A_QUOTE}", r"\1", rest)
    return "".join([*pieces, rest])


@cache
def _echo(*, is_escaped: bool) -> str:
    """Return a pattern up to the URL; its group is what precedes each quote of JSON within a JSON string."""
    names = "|".join(ECHOES)
    if is_escaped:
        # Each letter is itself or an escape.
        names = re.sub("[a-z_]", lambda letter: rf"(?:{letter[0]}|\\++u00(?i:{ord(letter[0]):02x}))", names)
    return rf'"(?:{names})(?P<slashes>\\*+)"\s*:\s*(?P=slashes)"'


def _end_of_string(text: str, start: int, depth: int) -> int:
    """Return where a string ends whose own quotes have `depth` backslashes: 0, or 1, 3, 7 within JSON."""
    for quote in re.compile(r'(?<!\\)(\\*+)"').finditer(text, start):
        slashes = len(quote[1])
        if slashes < depth or (slashes - depth) % (2 * depth + 2) == 0:
            return quote.end() - 1 - min(slashes, depth)
    return len(text)


@cache
def _url(*, is_nested: bool) -> tuple[re.Pattern[str], Callable[[str], list[str]]]:
    """Return what splits a URL at its `?`, and a query into its parts; both characters can be escapes."""
    slash, escaped = (r"\\++", "") if is_nested else (r"\\", ".")
    url = rf"((?:[^\\?]++|{slash}(?!u003[fF]){escaped})*+)(\?|{slash}u003[fF])?(.*)"
    piece = rf"&|{slash}u0026|((?:[^\\&]++|{slash}(?!u0026){escaped})++)"
    return re.compile(url, re.DOTALL), re.compile(piece, re.DOTALL).findall


def _trim_url(written: str, tags: Mapping[str, str], depth: int, limit: int) -> tuple[str, int]:
    """Return a URL with the given tags alone, and how many characters of its query were read."""
    url, pieces_of = _url(is_nested=depth > 0)
    whole, mark, query = url.findall(written)[0]
    base = _redact_path(whole)
    if len(query) > limit:
        return _without_half_escape(base, depth), 0
    pieces = [piece for piece in pieces_of(query) if piece]
    kept = [piece for piece in pieces if tags and _is_tag(piece, tags, depth)]
    if kept == pieces:
        return f"{base}{mark}{query}", len(query)
    trimmed = f"{base}{mark}{'&'.join(kept)}" if kept else _without_half_escape(base, depth)
    return trimmed, len(query)


def _without_half_escape(url: str, depth: int) -> str:
    """Remove backslashes at the end that would escape the quote behind it."""
    slashes = len(url) - len(url.rstrip("\\"))
    return url[: len(url) - slashes % (2 * depth + 2)]


def _redact_path(url: str) -> str:
    """Redact everything behind `/callbacks/`; cut any other URL behind its token (docs/decisions/0065)."""
    has_escapes = "%" in url or "\\" in url
    if has_escapes and len(url) > LONGEST_URL:
        return REDACTED
    decoded, places = decode_escapes(url) if has_escapes else (url, range(len(url) + 1))
    if route := _ROUTE.search(decoded):
        base = url[: places[route.end()]]
        return base if base == url else f"{base}{REDACTED}"
    tokens = find_tokens(url)
    return url[: tokens[0][1]] if tokens else url


def _is_tag(piece: str, tags: Mapping[str, str], depth: int) -> bool:
    """Return whether a part of a query is a tag; JSON within JSON is unescaped until it is plain."""
    try:
        while "\\" in piece:
            piece = json.loads(f'"{piece}"', strict=False)
            if depth == 0:
                break
    except ValueError:
        return False
    name, _, value = piece.partition("=")
    return tags.get(unquote_plus(name)) == unquote_plus(value)
