"""The form of a token: `tcb_`, 22 base62 digits of randomness (131 bits) and 6 base62 digits of CRC-32.

The checksum refuses garbage without a read of the store. The prefix lets secret scanners find a leaked token;
base62 needs no escaping in a URL, JSON or a shell. `find_tokens` alone decides what looks like a token.
Its patterns for encoded tokens are compiled on first use: few bodies need them.
"""

import re
import secrets
import zlib
from array import array
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

from tavus_callbacks.domain.common.digests import WHOLE, digest
from tavus_callbacks.domain.common.timestamps import iso

if TYPE_CHECKING:
    from datetime import datetime

    from tavus_callbacks.domain.common.errors import Refusal

Scope = Literal["callback", "read", "quarantine"]
SCOPES: tuple[Scope, ...] = get_args(Scope)

# What replaces a token. Neither end is a digit, a `%` or a backslash, so the neighbours never become a token.
REDACTED = "-REDACTED-"

# Fewer than 22 digits are only a part of the secret, but 16 of them leave 36 bits to guess.
_IN_TEXT = re.compile(r"tcb_([0-9A-Za-z]{16,28}+)")

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_PREFIX = "tcb_"
_RANDOM, _CHECKSUM = 22, 6
PATTERN = re.compile(rf"{_PREFIX}[0-9A-Za-z]{{{_RANDOM + _CHECKSUM}}}")

# Codes, in hexadecimal, of the characters in tokens and escapes: `%`, `\`, `_`, digits and letters.
_CODES = "(?:25|3[0-9]|[46][1-9a-fA-F]|5[0-9acfACF]|7[0-9aA])"
_IN_A_WORD = frozenset(_DIGITS + "_%\\")
# Characters: `tcb_` and 16 digits.
_SHORTEST = 20
# Characters of words with escapes that are decoded in one text: 6 MB of escapes would take 4 s.
MOST_ENCODED = 100_000
_HEX = frozenset(b"0123456789ABCDEFabcdef")
_BACKSLASH = ord("\\")


def _base62(number: int, width: int) -> str:
    digits = ""
    for _ in range(width):
        number, digit = divmod(number, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return digits


def _checksum(randomness: str) -> str:
    return _base62(zlib.crc32(randomness.encode()), _CHECKSUM)


def new_token() -> str:
    """Make a token with 131 bits from the system's source of randomness."""
    randomness = "".join(secrets.choice(_DIGITS) for _ in range(_RANDOM))
    return _PREFIX + randomness + _checksum(randomness)


def is_well_formed(token: str) -> bool:
    """Tell whether prefix, length, digits and checksum fit; says nothing of whether it is known."""
    if not PATTERN.fullmatch(token):
        return False
    randomness, checksum = token[len(_PREFIX) : -_CHECKSUM], token[-_CHECKSUM:]
    return secrets.compare_digest(_checksum(randomness), checksum)


def find_tokens(text: str) -> list[tuple[int, int]]:
    """Return the spans of text that look like a token: `tcb_` and 16 to 28 base62 digits.

    Characters may be percent-encoded or escaped as in JSON, to any depth and in any mixture. Tokens that
    overlap share a span. A span includes half a JSON escape before it, so that JSON stays JSON. Beyond
    MOST_ENCODED characters of words with escapes, each further word counts as a token.
    """
    spans = [(token.start(), token.end()) for token in _plain_tokens(text)]
    left = MOST_ENCODED
    for start, end in _encoded_words(text):
        if end - start > left:
            spans.append((start, end))
            continue
        left -= end - start
        decoded, places = decode_escapes(text[start:end])
        spans += [
            (start + places[token.start()], start + places[token.end()]) for token in _plain_tokens(decoded)
        ]
    return list(_merged(text, sorted(spans)))


def replace_tokens(text: str, word: str = REDACTED) -> str:
    """Replace what looks like a token."""
    edges = [edge for span in find_tokens(text) for edge in span]
    if not edges:
        return text
    return word.join(text[start:end] for start, end in list(pairwise([0, *edges, len(text)]))[::2])


def decode_escapes(text: str) -> tuple[str, "array[int]"]:
    """Undo percent-encoding and JSON's escapes of ASCII until none is left.

    Return the characters, and the place in `text` where each begins, with the length of `text` at the end.
    A run of backslashes becomes one: JSON within JSON doubles them. Each escape that is undone shortens the
    result, so that time is linear at any depth.
    """
    characters, places = bytearray(), array("L")
    before = 0
    for place, code in enumerate(text.encode("latin-1", "replace")):
        if not before == code == _BACKSLASH:
            characters.append(code)
            places.append(place)
        if code in _HEX:
            _undo_escapes(characters, places)
        before = code
    places.append(len(text))
    return characters.decode("latin-1"), places


def _undo_escapes(characters: bytearray, places: "array[int]") -> None:
    """Replace the escape at the end by its character, and the escape that this completes, and so on."""
    while width := _escape_width(characters):
        code = int(characters[-2:], 16)
        del characters[-width:], places[1 - width :]
        if code == _BACKSLASH and characters[-1:] == b"\\":
            places.pop()
            return
        characters.append(code)


def _escape_width(characters: bytearray) -> int:
    """Return how many characters at the end are an escape of a printable ASCII character."""
    if characters[-3:-2] == b"%":
        width = 3
    elif characters[-6:-2] == b"\\u00":
        width = 6
    else:
        return 0
    is_escape = characters[-2] in _HEX and characters[-1] in _HEX
    return width if is_escape and 0x20 <= int(characters[-2:], 16) < 0x7F else 0  # noqa: PLR2004 - ASCII


def _plain_tokens(text: str) -> Iterator[re.Match[str]]:
    """Yield tokens without escapes, overlapping ones too."""
    # Faster than the pattern's own search where text has none, as nearly all has.
    place = text.find(_PREFIX)
    while place >= 0:
        if token := _IN_TEXT.match(text, place):
            yield token
        place = text.find(_PREFIX, place + len(_PREFIX))


def _encoded_words(text: str) -> Iterator[tuple[int, int]]:
    """Yield the spans of words that hold an escape of a token's character; a token lies within one word.

    Backslashes at the end of a word are not part of it: the last one may escape a quote.
    """
    # A search for one of the two is many times faster than for both.
    marks = [mark for mark in ("%", "\\u00") if mark in text]
    if not marks:
        return
    escapes, end = _escape(*marks), 0
    while escape := escapes.search(text, end):
        start = _start_of_word(text, escape.start(), end)
        end = _end_of_word(text, escape.end())
        stop = start + len(text[start:end].rstrip("\\"))
        if stop - start >= _SHORTEST:
            yield start, stop
        elif long_word := _long_word().search(text, end):
            # Skips short words, of which 6 MB hold a million.
            end = long_word.start()
        else:
            return


def _start_of_word(text: str, place: int, earliest: int) -> int:
    while place > earliest and text[place - 1] in _IN_A_WORD:
        place -= 1
    return place


def _merged(text: str, spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    start = end = 0
    for next_start, next_end in spans:
        if next_start >= end:
            if end:
                yield start, end
            start = next_start - _odd_backslash(text, next_start)
        end = max(end, next_end)
    if end:
        yield start, end


def _odd_backslash(text: str, place: int) -> int:
    """Return 1 where an odd number of backslashes ends: the last one escapes the next character."""
    first = place
    while first and text[first - 1] == "\\":
        first -= 1
    return (place - first) % 2


@cache
def _escape(*marks: str) -> re.Pattern[str]:
    return re.compile(f"(?:{'|'.join(map(re.escape, marks))}){_CODES}")


def _end_of_word(text: str, place: int) -> int:
    word = _word().match(text, place)
    return word.end() if word else place


@cache
def _word() -> re.Pattern[str]:
    return re.compile(r"[0-9A-Za-z_%\\]++")


@cache
def _long_word() -> re.Pattern[str]:
    return re.compile(rf"(?<![0-9A-Za-z_%\\])[0-9A-Za-z_%\\]{{{_SHORTEST},}}+")


def digest_token(token: str) -> str:
    """Return the whole SHA-256 digest: all that is ever stored of a token."""
    return digest(token, WHOLE)


class TokenRecord(NamedTuple):
    """What the store has of a token; times are ISO 8601 UTC, compared as text."""

    digest: str
    label: str
    scope: Scope
    created_at: str
    expires_at: str | None = None
    revoked_at: str | None = None

    @property
    def token_id(self) -> str:
        """Return the short name of the token in logs and in the row of its last use."""
        return self.digest[:12]

    def is_live(self, at: "datetime") -> bool:
        """Return whether it is accepted at a moment."""
        return self.revoked_at is None and (self.expires_at is None or iso(at) < self.expires_at)

    def refusal(self, scope: Scope, at: "datetime") -> "Refusal | None":
        """Return why it is not accepted for a scope at a moment, or None if it is."""
        if self.scope != scope:
            return "scope"
        if self.is_live(at):
            return None
        return "expired" if self.revoked_at is None else "revoked"
