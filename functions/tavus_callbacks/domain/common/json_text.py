"""Reading JSON as a stranger sends it, into something that can always be written again.

Python's parser takes NaN, repeated keys and halves of surrogate pairs in silence; here each is either
refused (what no JSON writer could repeat) or flagged (what can be kept as it came).
"""

import json
import re
from collections.abc import Iterator
from itertools import chain
from math import isfinite
from operator import is_
from typing import Any, NamedTuple, Never

from tavus_callbacks.domain.common import issues
from tavus_callbacks.domain.common.compression import LONGEST
from tavus_callbacks.domain.common.errors import NotAnObject

MAX_DEPTH = 100
# Objects, lists, members and elements: 6 MB could hold millions, and parsing makes a Python object of each.
# A transcript of 5.9 MB that people spoke has 30,000 turns of four members, which count as 180,000.
MAX_COUNT = 300_000
MAX_DIGITS = 4300  # what Python converts to an integer at most

BYTE_ORDER_MARK = "\ufeff"

# What the parser makes, and no subclass of it: quicker to tell than by isinstance.
_CONTAINERS = (dict, list)

_SURROGATE = re.compile("[\ud800-\udfff]")
# An unclosed string ends with the text, so that no start is tried twice.
_STRING = re.compile('"[^"]*"?')
_EMPTY = re.compile(r"\{[ \t\n\r]*\}|\[[ \t\n\r]*\]")
SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")


class Document(NamedTuple):
    """A parsed body as sent and fit for typing, its repeated top-level keys, and its opening brackets."""

    sent: dict[str, Any]
    clean: dict[str, Any]
    repeated: dict[str, list[Any]]
    brackets: int
    issues: tuple[str, ...]


def decode(raw: bytes) -> str:
    """Return the text of a body, a byte order mark included.

    Raises NotAnObject if it is too large, is not UTF-8, or has more than MAX_COUNT parts to parse.
    """
    if len(raw) > LONGEST:
        # Only a body that was sent compressed can be.
        raise NotAnObject("The body is larger than 6 MiB.")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NotAnObject(f"The body is not UTF-8: byte {error.start} cannot be read.") from None
    _check_count(text)
    return text


def _check_count(text: str) -> None:
    """Refuse a text of too many objects, lists, members and elements before anything is parsed."""
    brackets = text.count("{") + text.count("[")
    # Brackets and commas in strings count here, too, so this is the most that there can be.
    if 2 * brackets + text.count(",") > MAX_COUNT and count_parts(text) > MAX_COUNT:
        raise NotAnObject(f"The body has more than {MAX_COUNT:,} objects, lists, members and elements.")


def count_parts(text: str) -> int:
    """Count objects, lists, members and elements of JSON text; above MAX_COUNT this is a lower bound."""
    bare = _without_strings(text)
    brackets, commas = bare.count("{") + bare.count("["), bare.count(",")
    # Keeps the list of empty ones short.
    if brackets + commas > MAX_COUNT:
        return brackets + commas
    # Each that is not empty has one member or element more than commas.
    return 2 * brackets + commas - len(_EMPTY.findall(bare))


def _without_strings(text: str) -> str:
    if "\\" in text:
        text = text.replace("\\\\", "").replace('\\"', "")
    return _STRING.sub("", text)


def parse(text: str) -> Document:
    """Parse a body; raises NotAnObject with a sentence that names the fault and its place."""
    bare = text.removeprefix(BYTE_ORDER_MARK)
    brackets = bare.count("{") + bare.count("[")
    sent, keys = _load(bare, brackets)
    clean = without_surrogates(sent) if SURROGATE_ESCAPE.search(bare) else sent
    flags = {
        issues.BYTE_ORDER_MARK: bare is not text,
        issues.REPEATED_KEY: keys.any_repeated,
        issues.UNPAIRED_SURROGATE: clean is not sent,
    }
    found = tuple(code for code, raised in flags.items() if raised)
    return Document(sent, clean, keys.repeated(), brackets, found)


class _Keys:
    """Notes repeated keys while the parser builds objects; the last object built is the whole body."""

    def __init__(self) -> None:
        self.any_repeated = False
        self._last: list[tuple[str, Any]] = []

    def build(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        self._last = pairs
        built = dict(pairs)
        self.any_repeated |= len(built) != len(pairs)
        return built

    def repeated(self) -> dict[str, list[Any]]:
        values: dict[str, list[Any]] = {}
        for key, value in self._last:
            values.setdefault(key, []).append(value)
        return {key: found for key, found in values.items() if len(found) > 1}


def _load(text: str, brackets: int) -> tuple[dict[str, Any], _Keys]:
    keys = _Keys()
    value = _loads(text, keys)
    if not isinstance(value, dict):
        raise NotAnObject(f"The body is {_name(value)}; a callback is a JSON object.")
    if brackets > MAX_DEPTH and sum(1 for _ in levels(value)) > MAX_DEPTH:
        raise _too_deep()
    return value, keys


def _loads(text: str, keys: _Keys) -> object:
    if not text.strip():
        raise NotAnObject("The body is empty; a callback is a JSON object.")
    try:
        return json.loads(
            text,
            object_pairs_hook=keys.build,
            parse_constant=_no_constant,
            parse_float=_float,
            parse_int=_int,
        )
    except json.JSONDecodeError as error:
        raise NotAnObject(
            f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}."
        ) from None
    except RecursionError:
        raise _too_deep() from None


def _no_constant(name: str) -> Never:
    raise NotAnObject(f"The body is not JSON: {name} is no JSON number.")


def _int(digits: str) -> int:
    _check_length(digits)
    return int(digits)


def _float(digits: str) -> float:
    _check_length(digits)
    number = float(digits)
    if not isfinite(number):
        raise NotAnObject("The body holds a number beyond what a 64-bit float can hold.")
    return number


def _check_length(digits: str) -> None:
    if len(digits) > MAX_DIGITS:
        raise NotAnObject(f"The body holds a number of over {MAX_DIGITS} digits.")


def _too_deep() -> NotAnObject:
    return NotAnObject(f"The body is nested deeper than {MAX_DEPTH} levels.")


def _name(value: object) -> str:
    names = {list: "a JSON array", str: "a JSON string", bool: "a JSON boolean", type(None): "null"}
    return names.get(type(value), "a JSON number")


def levels(value: object) -> Iterator[list[Any]]:
    """Yield the objects and lists of each level of nesting, so that no depth can exhaust the stack."""
    level: list[Any] = [value]
    while level:
        yield level
        level = [child for child in chain.from_iterable(map(children, level)) if type(child) in _CONTAINERS]


def children(container: Any) -> Any:
    """Return what an object or a list holds, without the names."""
    return container.values() if type(container) is dict else container


def without_surrogates(value: Any) -> Any:
    """Replace halves of surrogate pairs, which UTF-8 cannot write, by U+FFFD.

    Copies only what holds one; a value without any comes back itself. `value` nests at most MAX_DEPTH deep.
    """
    if type(value) is str:
        return value if value.isascii() else _replace_surrogates(value)
    if type(value) is list:
        items = [without_surrogates(item) for item in value]
        return value if all(map(is_, items, value)) else items
    if type(value) is dict:
        return _clean_members(value)
    return value


def _replace_surrogates(text: str) -> str:
    replaced = _SURROGATE.sub("\ufffd", text)
    return text if replaced == text else replaced


def _clean_members(value: dict[str, Any]) -> dict[str, Any]:
    names = list(map(without_surrogates, value))
    values = list(map(without_surrogates, value.values()))
    if all(map(is_, names, value)) and all(map(is_, values, value.values())):
        return value
    return dict(zip(names, values, strict=True))
