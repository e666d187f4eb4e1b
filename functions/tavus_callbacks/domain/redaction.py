"""Taking tokens out of text before anything else sees it.

Tavus echoes the callback URL, token and query included, in `webhook_url`, and a resource's `callback_url`
does the same. The text is edited in place, so that all other bytes stay as they came. Patterns for what is
written with escapes, or is no text, are made when first needed: such bodies are rare, and a start is not.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from itertools import pairwise
from urllib.parse import unquote_plus

from tavus_callbacks.domain.body import contents
from tavus_callbacks.domain.token import PATTERN

# No digit of a token stands at its ends, so that what is left around it never becomes one.
REDACTED = "-REDACTED-"

# Characters; ten tags of 100 fit in many times, however escaped, and nobody's query is longer.
LONGEST_QUERY = 20_000

# Members that repeat the configured URL; they never count as content.
ECHOES = ("webhook_url", "callback_url")

_BASE62_ESCAPE = r"u00(?:3[0-9]|[46][1-9a-fA-F]|[57][0-9aA])"
_ESCAPED = re.compile(r"\\(?:u00[3-7]|tcb_)")
# A match is the first letter, and the group the rest of a token: two that overlap are both found.
_TOKEN = re.compile(rf"t(?=({PATTERN.pattern[1:]}))")
# In a URL whose `_` somebody encoded without need.
_ENCODED, _ENCODED_TOKEN = "tcb%5", r"t(?=(cb%5[fF][0-9A-Za-z]{28}))"
# NULs between the letters of a text in UTF-16 and UTF-32.
_GAPS = ("\0", "\0\0\0")
_WIDE = "t(?=({0}c{0}b{0}_(?:{0}[0-9A-Za-z]){{28}}))"


def redact(text: str, tags: Mapping[str, str]) -> str:
    """Replace every token by `-REDACTED-`, and leave behind it in an echoed URL only the given tags."""
    is_escaped = _ESCAPED.search(text) is not None
    if is_escaped or any(name in text for name in ECHOES):
        text = _without_queries(text, tags, _echo(is_escaped=is_escaped))
    if _ENCODED in text:
        text = _replaced(text, re.compile(_ENCODED_TOKEN))
    return _replaced(text, _escaped_token() if is_escaped else _TOKEN)


def redact_bytes(raw: bytes, tags: Mapping[str, str]) -> bytes:
    """Do the same to bytes that may be no text at all; every other byte stays.

    Tokens are found as UTF-16 and UTF-32 have them, too. A compressed body with a token in it comes back
    unpacked and redacted.
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
        text = _replaced(text, re.compile(_WIDE.format(gap)), gap.join(REDACTED))
    return text.encode("latin-1")


@cache
def _escaped_token() -> re.Pattern[str]:
    """Match a token of letters and of JSON's escapes, which in JSON within JSON have more backslashes."""
    digit = rf"(?:[0-9A-Za-z]|\\++{_BASE62_ESCAPE})"
    return re.compile(rf"(?<!\\)\\*+(?:t|u0074)(?=({_letters('cb_')}{digit}{{28}}))")


def _letters(word: str) -> str:
    """Match a word whose letters stand as they are or as escapes."""
    return "".join(rf"(?:{letter}|\\++u00(?i:{ord(letter):02x}))" for letter in word)


def _replaced(text: str, pattern: re.Pattern[str], word: str = REDACTED) -> str:
    """Replace what the pattern finds; what overlaps is replaced as one."""
    edges = [edge for span in _spans(pattern.finditer(text)) for edge in span]
    if not edges:
        return text
    return word.join(text[start:end] for start, end in list(pairwise([0, *edges, len(text)]))[::2])


def _spans(tokens: Iterator[re.Match[str]]) -> Iterator[tuple[int, int]]:
    start = end = 0
    for token in tokens:
        if token.start() >= end:
            if end:
                yield start, end
            start = token.start() + _whole_escapes(token[0])
        end = token.end(1)
    if end:
        yield start, end


def _whole_escapes(opening: str) -> int:
    """Count the backslashes that stay before a token: half an escape goes with it, or it would be no JSON."""
    slashes = len(opening) - 1
    return slashes - slashes % 2 if opening.endswith("t") else 0


def _without_queries(text: str, tags: Mapping[str, str], echoes: re.Pattern[str]) -> str:
    pieces, position = [], 0
    while echo := echoes.search(text, position):
        depth, start = len(echo[1]), echo.end()
        end = _end_of_string(text, start, depth)
        pieces += [text[position:start], _trimmed(text[start:end], tags, depth)]
        position = end
    return "".join([*pieces, text[position:]])


@cache
def _echo(*, is_escaped: bool) -> re.Pattern[str]:
    """Match up to the URL; the group is what stands before each quote of JSON within a JSON string."""
    names = "|".join(map(_letters, ECHOES) if is_escaped else ECHOES)
    return re.compile(rf'"(?:{names})(\\*+)"\s*:\s*\1"')


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


def _trimmed(written: str, tags: Mapping[str, str], depth: int) -> str:
    url, pieces_of = _url(is_nested=depth > 0)
    whole, mark, query = url.findall(written)[0]
    base = _without_rest(whole)
    if len(query) > LONGEST_QUERY:
        return base
    pieces = [piece for piece in pieces_of(query) if piece]
    kept = [piece for piece in pieces if tags and _is_tag(_decoded(piece, depth), tags)]
    if kept == pieces:
        return f"{base}{mark}{query}"
    return f"{base}{mark if kept else ''}{'&'.join(kept)}"


def _without_rest(url: str) -> str:
    """Cut a URL behind its token: the rest of the path is not stored (docs/decisions/0065)."""
    patterns = [_escaped_token() if "\\" in url else _TOKEN]
    if _ENCODED in url:
        patterns.append(re.compile(_ENCODED_TOKEN))
    ends = [token.end(1) for pattern in patterns if (token := pattern.search(url))]
    return url[: min(ends, default=len(url))]


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
