"""Taking tokens out of text before anything else sees it.

Tavus repeats the callback URL, token and query included, in `webhook_url`, and a resource's `callback_url`
does the same. The text is edited in place, so that all other bytes stay as they came. `domain/token.py` finds
the tokens. Patterns for text with escapes are compiled on first use, which keeps a cold start short.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from urllib.parse import unquote_plus

from tavus_callbacks.domain.common.compression import contents
from tavus_callbacks.domain.common.token import REDACTED, decode_escapes, find_tokens, replace_tokens

# Characters; ten tags of 100 fit in many times, however escaped, and nobody's query is longer.
LONGEST_QUERY = 20_000

# Characters of queries that are read of one body: each tag takes 2 µs. Further queries are removed.
MOST_QUERIES = 100_000

# Characters of an echoed URL before its query. A longer one with an escape in it is redacted whole.
LONGEST_URL = 1000

# Echoed URLs of a body that are read one by one; Tavus sends one, and 6 MB hold 350,000.
MOST_ECHOES = 500

# Members that repeat the configured URL; they never count as content.
ECHOES = ("webhook_url", "callback_url")

_ESCAPED = r"\u00"
# Up to a quote of any depth and the backslashes before it.
_TO_A_QUOTE = r'[^"\\]*+(?:\\++(?!")[^"\\]*+)*+'
# The NULs between two ASCII characters in UTF-16 and in UTF-32.
_GAPS = ("\0", "\0\0\0")
# From the start of a word, at least `tcb_` and 16 digits.
_WIDE_WORD = r"(?<![0-9A-Za-z_%\\]{0})[0-9A-Za-z_%\\](?:{0}[0-9A-Za-z_%\\]){{19,}}+"
# API Gateway's route; everything behind it in a URL is a token, or was meant to be one.
_ROUTE = re.compile(r"/callbacks[\\/]*/", re.IGNORECASE)


def redact(text: str, tags: Mapping[str, str]) -> str:
    """Replace every token by `-REDACTED-`, and leave behind it in an echoed URL only the given tags."""
    is_escaped = _ESCAPED in text
    if is_escaped or any(name in text for name in ECHOES):
        text = _without_queries(text, tags, is_escaped=is_escaped)
    return replace_tokens(text)


def redact_bytes(raw: bytes, tags: Mapping[str, str]) -> bytes:
    """Do the same to bytes that may be no text at all; every other byte stays.

    Tokens in UTF-16 and UTF-32 are found, too. A compressed body that holds a token is returned inflated and
    redacted.
    """
    unpacked = contents(raw)
    redacted = _redacted(unpacked, tags)
    return _redacted(raw, tags) if redacted == unpacked else redacted


def _redacted(raw: bytes, tags: Mapping[str, str]) -> bytes:
    narrow = _without_wide_tokens(raw) if b"\0" in raw else raw
    return redact(narrow.decode("utf-8", "surrogateescape"), tags).encode("utf-8", "surrogateescape")


def _without_wide_tokens(raw: bytes) -> bytes:
    text = raw.decode("latin-1")
    for gap in _GAPS:
        pattern = re.compile(_WIDE_WORD.format(gap))
        # Together, for what is decoded of one text is bounded.
        words = "\n".join(word[0][:: len(gap) + 1] for word in pattern.finditer(text))
        replaced = iter(replace_tokens(words).split("\n"))
        text = pattern.sub(partial(_next_word, replaced, gap), text)
    return text.encode("latin-1")


def _next_word(words: Iterator[str], gap: str, _: re.Match[str]) -> str:
    return gap.join(next(words))


def _letters(word: str) -> str:
    """Match a word whose letters stand as they are or as escapes."""
    return "".join(rf"(?:{letter}|\\++u00(?i:{ord(letter):02x}))" for letter in word)


def _without_queries(text: str, tags: Mapping[str, str], *, is_escaped: bool) -> str:
    """Leave the given tags behind an echoed URL's token; URLs after the first MOST_ECHOES are emptied."""
    echoes, position = re.compile(_echo(is_escaped=is_escaped)), 0
    pieces: list[str] = []
    left = MOST_QUERIES
    while len(pieces) < 2 * MOST_ECHOES and (echo := echoes.search(text, position)):
        depth, start = len(echo["slashes"]), echo.end()
        end = _end_of_string(text, start, depth)
        trimmed, length = _trimmed(text[start:end], tags, depth, min(left, LONGEST_QUERY))
        pieces += [text[position:start], trimmed]
        position, left = end, left - length
    rest = text[position:]
    if len(pieces) == 2 * MOST_ECHOES:
        rest = re.sub(f"({_echo(is_escaped=is_escaped)}){_TO_A_QUOTE}", r"\1", rest)
    return "".join([*pieces, rest])


@cache
def _echo(*, is_escaped: bool) -> str:
    """Match up to the URL; the group is what stands before each quote of JSON within a JSON string."""
    names = "|".join(map(_letters, ECHOES) if is_escaped else ECHOES)
    return rf'"(?:{names})(?P<slashes>\\*+)"\s*:\s*(?P=slashes)"'


@cache
def _quote() -> re.Pattern[str]:
    return re.compile(r'(?<!\\)(\\*+)"')


def _end_of_string(text: str, start: int, depth: int) -> int:
    """Return where a string ends whose own quotes have `depth` backslashes: none, or 1, 3, 7 within JSON."""
    for quote in _quote().finditer(text, start):
        slashes = len(quote[1])
        if slashes < depth or (slashes - depth) % (2 * depth + 2) == 0:
            return quote.end() - 1 - min(slashes, depth)
    return len(text)


@cache
def _url(*, is_nested: bool) -> tuple[re.Pattern[str], Callable[[str], list[str]]]:
    """Return what splits a URL as JSON writes it, with `?` and `&` as escapes too, and a query in pieces."""
    slash, escaped = (r"\\++", "") if is_nested else (r"\\", ".")
    url = rf"((?:[^\\?]++|{slash}(?!u003[fF]){escaped})*+)(\?|{slash}u003[fF])?(.*)"
    piece = rf"&|{slash}u0026|((?:[^\\&]++|{slash}(?!u0026){escaped})++)"
    return re.compile(url, re.DOTALL), re.compile(piece, re.DOTALL).findall


def _trimmed(written: str, tags: Mapping[str, str], depth: int, limit: int) -> tuple[str, int]:
    """Return a URL with the given tags alone, and how many characters of its query were read."""
    url, pieces_of = _url(is_nested=depth > 0)
    whole, mark, query = url.findall(written)[0]
    base = _without_rest(whole)
    if len(query) > limit:
        return _without_half_escape(base, depth), 0
    pieces = [piece for piece in pieces_of(query) if piece]
    kept = [piece for piece in pieces if tags and _is_tag(_decoded(piece, depth), tags)]
    if kept == pieces:
        return f"{base}{mark}{query}", len(query)
    trimmed = f"{base}{mark}{'&'.join(kept)}" if kept else _without_half_escape(base, depth)
    return trimmed, len(query)


def _without_half_escape(url: str, depth: int) -> str:
    """Drop backslashes at the end that would escape the quote behind it."""
    slashes = len(url) - len(url.rstrip("\\"))
    return url[: len(url) - slashes % (2 * depth + 2)]


def _without_rest(url: str) -> str:
    """Redact all that follows `/callbacks/`; cut any other URL behind its token (docs/decisions/0065)."""
    has_escapes = "%" in url or "\\" in url
    if has_escapes and len(url) > LONGEST_URL:
        return REDACTED
    decoded, places = decode_escapes(url) if has_escapes else (url, range(len(url) + 1))
    if route := _ROUTE.search(decoded):
        base = url[: places[route.end()]]
        return base if base == url else f"{base}{REDACTED}"
    tokens = find_tokens(url)
    return url[: tokens[0][1]] if tokens else url


def _decoded(piece: str, depth: int) -> str:
    """Read the escapes of a piece, of JSON within JSON until none is left."""
    try:
        while "\\" in piece:
            piece = json.loads(f'"{piece}"', strict=False)
            if depth == 0:
                break
    except ValueError:
        return ""
    return piece


def _is_tag(piece: str, tags: Mapping[str, str]) -> bool:
    name, _, value = piece.partition("=")
    return tags.get(unquote_plus(name)) == unquote_plus(value)
