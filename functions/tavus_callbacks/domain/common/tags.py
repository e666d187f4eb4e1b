"""Tags: the query parameters of the callback URL (`?user=4711`), the only data that Tavus lets you add."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode

from tavus_callbacks.domain.common.issues import TAG_DROPPED
from tavus_callbacks.domain.common.token import find_tokens

MAX_TAGS = 10
MAX_LENGTH = 100
# The tag of what `simulate` and `doctor` send.
SIMULATED = ("simulated", "true")


class Tags(NamedTuple):
    """The tags of a query, and the issue `tag_dropped` if it held more than these."""

    values: dict[str, str]
    issues: tuple[str, ...] = ()


def parse_tags(raw_query: str) -> Tags:
    """Read at most 10 tags of at most 100 printable characters from a query string.

    A tag that looks like a token, encoded or shortened, is dropped.
    """
    pairs = parse_qsl(raw_query, keep_blank_values=True)
    values: dict[str, str] = {}
    for name, value in pairs:
        is_valid = 0 < len(name) <= MAX_LENGTH >= len(value) and (name + value).isprintable()
        # No token spans the line break.
        if len(values) < MAX_TAGS and name not in values and is_valid and not find_tokens(f"{name}\n{value}"):
            values[name] = value
    return Tags(values, (TAG_DROPPED,) if len(values) < len(pairs) else ())


def tag_query(raw_query: str) -> str:
    """Return a query string that holds the tags alone; a parameter without a name stands for dropped ones."""
    tags = parse_tags(raw_query)
    return urlencode(tags.values) + ("&=" if tags.issues else "")


def is_tagged(tags: Mapping[str, str | Iterable[str]], tag: tuple[str, str]) -> bool:
    """Return whether tags contain a tag; a name can have one value or several.

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
