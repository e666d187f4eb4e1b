"""The form of a token: `tcb_`, 22 base62 digits of randomness (131 bits) and 6 base62 digits of CRC-32.

The checksum refuses garbage without a read of the store. The prefix lets secret scanners find a leaked token.
Base62 needs no escapes in a URL, JSON or a shell. `find_tokens` alone decides what looks like a token; it
compiles its patterns for encoded tokens when it first needs them, because few bodies do.
"""

import re
import secrets
import zlib
from array import array
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

from tavus_callbacks.domain.common.digests import WHOLE, digest
from tavus_callbacks.domain.common.timestamps import iso

if TYPE_CHECKING:
    from datetime import datetime

    from tavus_callbacks.domain.common.errors import Refusal

Scope = Literal["callback", "read", "quarantine"]
SCOPES: tuple[Scope, ...] = get_args(Scope)

# The replacement of a token. Its ends are not digits, `%` or backslashes, so that no new token appears.
REDACTED = "-REDACTED-"

# A cut token counts too: 16 of its 22 random digits leave only 36 bits to guess.
_IN_TEXT = re.compile(r"tcb_([0-9A-Za-z]{16,28}+)")

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_PREFIX = "tcb_"
_RANDOM, _CHECKSUM = 22, 6
PATTERN = re.compile(rf"{_PREFIX}[0-9A-Za-z]{{{_RANDOM + _CHECKSUM}}}")

# Hexadecimal codes of the characters in tokens and escapes: `%`, `\`, `_`, digits and letters.
_CODES = "(?:25|3[0-9]|[46][1-9a-fA-F]|5[0-9acfACF]|7[0-9aA])"
_IN_A_WORD = frozenset(_DIGITS + "_%\\")
# `tcb_` and 16 digits.
_SHORTEST = 20
_WORD = r"[0-9A-Za-z_%\\]++"
_LONG_WORD = rf"(?<![0-9A-Za-z_%\\])[0-9A-Za-z_%\\]{{{_SHORTEST},}}+"
# The most characters of words with escapes that are decoded in one text: 6 MB of escapes would take 4 s.
MOST_ENCODED = 100_000
_HEX = frozenset(b"0123456789ABCDEFabcdef")
_BACKSLASH = ord("\\")


def _checksum(randomness: str) -> str:
    number, digits = zlib.crc32(randomness.encode()), ""
    for _ in range(_CHECKSUM):
        number, digit = divmod(number, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return digits


def new_token() -> str:
    """Return a new token with 131 bits from the system's source of randomness."""
    randomness = "".join(secrets.choice(_DIGITS) for _ in range(_RANDOM))
    return _PREFIX + randomness + _checksum(randomness)


def is_well_formed(token: str) -> bool:
    """Return whether prefix, length, digits and checksum are right. The store may lack such a token."""
    if not PATTERN.fullmatch(token):
        return False
    randomness, checksum = token[len(_PREFIX) : -_CHECKSUM], token[-_CHECKSUM:]
    return secrets.compare_digest(_checksum(randomness), checksum)


def find_tokens(text: str) -> list[tuple[int, int]]:
    """Return the spans of text that look like a token: `tcb_` and 16 to 28 base62 digits.

    Characters can be percent-encoded or escaped as in JSON, to any depth and in any mixture. Tokens that
    overlap share a span. A span includes half a JSON escape before it, so that JSON stays JSON. After
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
    return list(_merge_spans(text, sorted(spans)))


def replace_tokens(text: str, word: str = REDACTED) -> str:
    """Replace everything that looks like a token."""
    edges = [edge for span in find_tokens(text) for edge in span]
    if not edges:
        return text
    return word.join(text[start:end] for start, end in list(pairwise([0, *edges, len(text)]))[::2])


def decode_escapes(text: str) -> tuple[str, "array[int]"]:
    """Undo percent-encoding and JSON's escapes of ASCII until none is left.

    Returns the characters, and the place in `text` where each begins, with the length of `text` at the end.
    A run of backslashes becomes one, because JSON within JSON doubles them. Each undone escape shortens the
    result, so the time is linear at any depth.
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
    """Replace the escape at the end by its character, then the escape that this completes, and so on."""
    while width := _escape_width(characters):
        code = int(characters[-2:], 16)
        del characters[-width:], places[1 - width :]
        if code == _BACKSLASH and characters[-1:] == b"\\":
            places.pop()
            return
        characters.append(code)


def _escape_width(characters: bytearray) -> int:
    """Return how many characters at the end are an escape of a printable ASCII character, 0 for none."""
    if characters[-3:-2] == b"%":
        width = 3
    elif characters[-6:-2] == b"\\u00":
        width = 6
    else:
        return 0
    is_escape = characters[-2] in _HEX and characters[-1] in _HEX
    return width if is_escape and 0x20 <= int(characters[-2:], 16) < 0x7F else 0  # noqa: PLR2004 - ASCII


def _plain_tokens(text: str) -> Iterator[re.Match[str]]:
    """Yield tokens without escapes, also overlapping ones."""
    # Nearly every text has none, and `find` is faster than the pattern's own search.
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
    escapes, end = re.compile(f"(?:{'|'.join(map(re.escape, marks))}){_CODES}"), 0
    while escape := escapes.search(text, end):
        start = escape.start()
        while start > end and text[start - 1] in _IN_A_WORD:
            start -= 1
        word = re.compile(_WORD).match(text, escape.end())
        end = word.end() if word else escape.end()
        stop = start + len(text[start:end].rstrip("\\"))
        if stop - start >= _SHORTEST:
            yield start, stop
        elif long_word := re.compile(_LONG_WORD).search(text, end):
            # Skips short words, of which 6 MB hold a million.
            end = long_word.start()
        else:
            return


def _merge_spans(text: str, spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
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
    """Return 1 if an odd number of backslashes ends at a place: the last one escapes the next character."""
    first = place
    while first and text[first - 1] == "\\":
        first -= 1
    return (place - first) % 2


def digest_token(token: str) -> str:
    """Return the whole SHA-256 digest: all that is ever stored of a token."""
    return digest(token, WHOLE)


class TokenRecord(NamedTuple):
    """A token as stored; times are ISO 8601 UTC, compared as text."""

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
