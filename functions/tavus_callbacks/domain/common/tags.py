"""Tags: the query parameters of the callback URL (`?user=4711`), the only thing a sender lets us add."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode

from tavus_callbacks.domain.common import issues
from tavus_callbacks.domain.common.token import find_tokens

MAX_TAGS = 10
MAX_LENGTH = 100


class Tags(NamedTuple):
    """The tags that are kept, and the issue that says whether any was dropped."""

    values: dict[str, str]
    issues: tuple[str, ...] = ()


def parse(raw_query: str) -> Tags:
    """Read tags from a query string: at most 10 of at most 100 printable characters.

    A tag that looks like a token, encoded or shortened, is dropped.
    """
    pairs = parse_qsl(raw_query, keep_blank_values=True)
    values: dict[str, str] = {}
    for name, value in pairs:
        if len(values) < MAX_TAGS and name not in values and _fits(name, value):
            values[name] = value
    return Tags(values, (issues.TAG_DROPPED,) if len(values) < len(pairs) else ())


def kept_query(raw_query: str) -> str:
    """Return a query string that holds the tags alone; a nameless one stands for those that were dropped."""
    tags = parse(raw_query)
    return urlencode(tags.values) + ("&=" if tags.issues else "")


def is_tagged(tags: Mapping[str, str | Iterable[str]], tag: tuple[str, str]) -> bool:
    """Tell whether tags contain a tag; a name can have one value or several.

    Names and values are compared in Unicode's normal form C (UAX #15): `é` can be one character or two, and
    both are the same tag. Stored tags are not changed.
    """
    name, value = map(normalize, tag)
    return any(
        normalize(other) == name and value in map(normalize, [values] if isinstance(values, str) else values)
        for other, values in tags.items()
    )


def normalize(text: str) -> str:
    """Return a tag's name or value in Unicode's normal form C."""
    # Receiving a callback does not need it, and a cold start pays for every import.
    import unicodedata

    return unicodedata.normalize("NFC", text)


def _fits(name: str, value: str) -> bool:
    return (
        0 < len(name) <= MAX_LENGTH
        and len(value) <= MAX_LENGTH
        and (name + value).isprintable()
        and not find_tokens(name)
        and not find_tokens(value)
    )
