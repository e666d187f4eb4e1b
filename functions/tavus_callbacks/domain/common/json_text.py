"""Reads JSON as a stranger sends it, into values that can always be written again.

Python's parser accepts NaN, repeated keys and halves of surrogate pairs without a word. Here each of them is
refused, if no JSON writer could repeat it, or becomes an issue.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from math import isfinite
from operator import is_
from typing import Any, NamedTuple, Never

from tavus_callbacks.domain.common import issues
from tavus_callbacks.domain.common.compression import LONGEST
from tavus_callbacks.domain.common.digests import canonical
from tavus_callbacks.domain.common.errors import NotAnObject

MAX_DEPTH = 100  # levels of objects and lists
# Objects, lists, members and elements: 6 MB could hold millions, and parsing makes a Python object of each.
# A transcript of 5.9 MB that people spoke has 30,000 turns of four members, which count as 180,000.
MAX_COUNT = 300_000
MAX_DIGITS = 4300  # the most that Python converts to an integer

_TOO_DEEP = f"The body is nested deeper than {MAX_DEPTH} levels."
_TOO_LONG = f"The body contains a number of more than {MAX_DIGITS} digits."

BYTE_ORDER_MARK = "\ufeff"

# The parser makes no subclasses, so comparing types is enough, and quicker than isinstance.
_CONTAINERS = (dict, list)

_SURROGATE = re.compile("[\ud800-\udfff]")
# An unclosed string ends with the text, so that no start is tried twice.
_STRING = re.compile('"[^"]*"?')
_EMPTY = re.compile(r"\{[ \t\n\r]*\}|\[[ \t\n\r]*\]")
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")


# The canonical JSON of each member of a body.
Written = Mapping[str, bytes]


class Document(NamedTuple):
    """A parsed body, as sent and without surrogates; its repeated top-level keys.

    `is_documented` says that every part is as documented, so that validation would find no issue.
    """

    sent: dict[str, Any]
    clean: dict[str, Any]
    written: Written
    repeated: dict[str, list[Any]]
    issues: tuple[str, ...]
    is_documented: bool

    @property
    def brackets(self) -> int:
        """Return at least the number of objects and lists; it counts brackets in strings too."""
        return 1 + count_brackets(self.written)


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
    # Each part takes a character at least.
    if len(text) > MAX_COUNT and _may_exceed(text) and count_parts(text) > MAX_COUNT:
        raise NotAnObject(f"The body has more than {MAX_COUNT:,} objects, lists, members and elements.")
    return text


def _may_exceed(text: str) -> bool:
    # Brackets and commas in strings count too.
    return 2 * (text.count("{") + text.count("[")) + text.count(",") > MAX_COUNT


def count_parts(text: str) -> int:
    """Count objects, lists, members and elements of JSON text; above MAX_COUNT this is a lower bound."""
    if "\\" in text:
        text = text.replace("\\\\", "").replace('\\"', "")
    bare = _STRING.sub("", text)
    brackets, commas = bare.count("{") + bare.count("["), bare.count(",")
    # Keeps the list of empty ones short.
    if brackets + commas > MAX_COUNT:
        return brackets + commas
    # Each that is not empty has one member or element more than commas.
    return 2 * brackets + commas - len(_EMPTY.findall(bare))


def count_brackets(written: Written) -> int:
    """Count what opens an object or a list in canonical JSON, and the same characters in strings."""
    return sum(value.count(b"{") + value.count(b"[") for value in written.values())


def parse(text: str, write: Callable[[dict[str, Any]], Written | None] = lambda _: None) -> Document:
    """Parse a body; raises NotAnObject with a sentence that names the fault and its place.

    `write` returns the canonical JSON of the documented members, or None if it does not know all types.
    """
    bare = text.removeprefix(BYTE_ORDER_MARK)
    sent = _load(bare)
    if not isinstance(sent, dict):
        names = {list: "a JSON array", str: "a JSON string", bool: "a JSON boolean", type(None): "null"}
        raise NotAnObject(
            f"The body is {names.get(type(sent), 'a JSON number')}. A callback must be a JSON object."
        )
    marks = () if bare is text else (issues.BYTE_ORDER_MARK,)
    written = write(sent)
    if written is not None and _is_complete(written, bare):
        return Document(sent, sent, written, {}, marks, is_documented=True)
    if bare.count("{") + bare.count("[") > MAX_DEPTH and sum(1 for _ in levels(sent)) > MAX_DEPTH:
        raise NotAnObject(_TOO_DEEP)
    written = {name: canonical(value).encode() for name, value in sent.items()}
    keys = _Keys()
    if not _is_complete(written, bare):
        _load(bare, keys)
    clean = without_surrogates(sent) if _SURROGATE_ESCAPE.search(bare) else sent
    flags = {issues.REPEATED_KEY: keys.any_repeated, issues.UNPAIRED_SURROGATE: clean is not sent}
    codes = (*marks, *(code for code, is_set in flags.items() if is_set))
    return Document(sent, clean, written, keys.repeated(), codes, is_documented=False)


def _is_complete(written: Written, text: str) -> bool:
    r"""Return whether canonical JSON certainly has every string of a text, so that no key is repeated.

    Each string has two quotes, and those inside it, of which `\u0022` hides one. An object keeps one of two
    equal keys. A hook that looks at each object takes nearly as long as parsing.
    """
    names = sum(canonical(name).count('"') for name in written)
    quotes = names + sum(value.count(b'"') for value in written.values())
    return text.count('"') == quotes and "\\u0022" not in text


class _Keys:
    """Notes repeated keys while the parser builds objects; the last object it builds is the whole body."""

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
        return {key: given for key, given in values.items() if len(given) > 1}


def _load(text: str, keys: _Keys | None = None) -> object:
    if not text.strip():
        raise NotAnObject("The body is empty. A callback must be a JSON object.")
    try:
        return json.loads(
            text,
            object_pairs_hook=None if keys is None else keys.build,
            parse_constant=_refuse_constant,
            parse_float=_parse_float,
            parse_int=_parse_int,
        )
    except json.JSONDecodeError as error:
        raise NotAnObject(
            f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}."
        ) from None
    except RecursionError:
        raise NotAnObject(_TOO_DEEP) from None


def _refuse_constant(name: str) -> Never:
    raise NotAnObject(f"The body is not JSON: {name} is not a JSON number.")


def _parse_int(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise NotAnObject(_TOO_LONG)
    return int(digits)


def _parse_float(digits: str) -> float:
    if len(digits) > MAX_DIGITS:
        raise NotAnObject(_TOO_LONG)
    number = float(digits)
    if not isfinite(number):
        raise NotAnObject("The body contains a number that is too large for a 64-bit float.")
    return number


def levels(value: object) -> Iterator[list[Any]]:
    """Yield the objects and lists of each level of nesting; no depth can exhaust the stack."""
    level: list[Any] = [value]
    while level:
        yield level
        level = [child for child in chain.from_iterable(map(children, level)) if type(child) in _CONTAINERS]


def children(container: Any) -> Any:
    """Return the values of an object, or the items of a list."""
    return container.values() if type(container) is dict else container


def without_surrogates(value: Any) -> Any:
    """Replace halves of surrogate pairs, which UTF-8 cannot write, by U+FFFD.

    A value without any comes back itself; only what holds one is copied. `value` is at most MAX_DEPTH deep.
    """
    if type(value) is str:
        replaced = value if value.isascii() else _SURROGATE.sub("\ufffd", value)
        return value if replaced == value else replaced
    if type(value) is list:
        items = [without_surrogates(item) for item in value]
        return value if all(map(is_, items, value)) else items
    if type(value) is dict:
        names = list(map(without_surrogates, value))
        values = list(map(without_surrogates, value.values()))
        is_clean = all(map(is_, names, value)) and all(map(is_, values, value.values()))
        return value if is_clean else dict(zip(names, values, strict=True))
    return value
