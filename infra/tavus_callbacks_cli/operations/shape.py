"""The shape of a body: its property names and JSON types, and nothing of what it says.

What people send when Tavus's callbacks have changed and theirs may not be shared.
"""

import re
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

T = TypeVar("T")

HIDDEN = "*"

# A property name as programmers write it. One digit at most (`s3_key`): more of them are an id or a date,
# and capitals in front a person's or a thing's name, used as a key.
_PLAIN = re.compile(r"(?!.*[0-9].*[0-9])[a-z_][A-Za-z0-9_]{0,39}")


@dataclass(frozen=True, slots=True)
class Shape:
    """All that values seen in one place were: names of scalar types, an object's members, a list's items."""

    scalars: frozenset[str] = frozenset()
    members: "dict[str, Shape] | None" = None
    items: "Shape | None" = None


def shape_of(value: object) -> Shape:
    """Return a JSON value's shape."""
    if isinstance(value, dict):
        return Shape(members=_members((_name(key), shape_of(member)) for key, member in value.items()))
    if isinstance(value, list):
        return Shape(items=reduce(merged, map(shape_of, value), Shape()))
    return Shape(scalars=frozenset({_type(value)}))


def _members(pairs: "Iterable[tuple[str, Shape]]") -> dict[str, Shape]:
    members: dict[str, Shape] = {}
    for name, shape in pairs:
        members[name] = merged(members[name], shape) if name in members else shape
    return members


def _name(key: str) -> str:
    return key if _PLAIN.fullmatch(key) else HIDDEN


def _type(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    return "string" if isinstance(value, str) else "number"


def merged(one: Shape, other: Shape) -> Shape:
    """Return the shape of what is either."""
    return Shape(
        one.scalars | other.scalars,
        _both(one.members, other.members, lambda a, b: _members([*a.items(), *b.items()])),
        _both(one.items, other.items, merged),
    )


def _both(one: T | None, other: T | None, join: "Callable[[T, T], T]") -> T | None:
    if one is None or other is None:
        return other if one is None else one
    return join(one, other)


def described(shape: Shape) -> Any:
    """Return the shape as JSON: objects as objects, lists with one item, the rest as names of types."""
    forms: list[Any] = [" | ".join(sorted(shape.scalars))] if shape.scalars else []
    if shape.members is not None:
        forms.append({name: described(member) for name, member in shape.members.items()})
    if shape.items is not None:
        forms.append([] if shape.items == Shape() else [described(shape.items)])
    return forms[0] if len(forms) == 1 else {"any of": forms}
