"""The shape of a body: its property names and JSON types without any value.

People send it when Tavus's callbacks have changed and theirs must not be shared.
"""

import re
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

T = TypeVar("T")

HIDDEN = "*"

# A property name as programmers write it. One digit at most (`s3_key`): several are an id or a date. A
# capital in front is the name of a person or a thing that is used as a key.
_PLAIN = re.compile(r"(?!.*[0-9].*[0-9])[a-z_][A-Za-z0-9_]{0,39}")


@dataclass(frozen=True, slots=True)
class Shape:
    """All values seen in one place: names of scalar types, an object's members, a list's items."""

    scalars: frozenset[str] = frozenset()
    members: "dict[str, Shape] | None" = None
    items: "Shape | None" = None


def shape_of(value: object) -> Shape:
    """Return a JSON value's shape."""
    if isinstance(value, dict):
        names = (key if _PLAIN.fullmatch(key) else HIDDEN for key in value)
        return Shape(members=_merge_members(zip(names, map(shape_of, value.values()), strict=True)))
    if isinstance(value, list):
        return Shape(items=reduce(merge, map(shape_of, value), Shape()))
    if value is None:
        return Shape(scalars=frozenset({"null"}))
    if isinstance(value, bool):
        return Shape(scalars=frozenset({"boolean"}))
    return Shape(scalars=frozenset({"string" if isinstance(value, str) else "number"}))


def merge(first: Shape, second: Shape) -> Shape:
    """Return the shape of a value that has either shape."""
    return Shape(
        first.scalars | second.scalars,
        _merge_optional(first.members, second.members, lambda a, b: _merge_members([*a.items(), *b.items()])),
        _merge_optional(first.items, second.items, merge),
    )


def _merge_members(pairs: "Iterable[tuple[str, Shape]]") -> dict[str, Shape]:
    members: dict[str, Shape] = {}
    for name, shape in pairs:
        members[name] = merge(members[name], shape) if name in members else shape
    return members


def _merge_optional(first: T | None, second: T | None, join: "Callable[[T, T], T]") -> T | None:
    if first is None or second is None:
        return second if first is None else first
    return join(first, second)


def shape_json(shape: Shape) -> Any:
    """Return a shape as JSON: objects as objects, lists with one item, the rest as names of types."""
    forms: list[Any] = [" | ".join(sorted(shape.scalars))] if shape.scalars else []
    if shape.members is not None:
        forms.append({name: shape_json(member) for name, member in shape.members.items()})
    if shape.items is not None:
        forms.append([] if shape.items == Shape() else [shape_json(shape.items)])
    return forms[0] if len(forms) == 1 else {"any of": forms}
