"""Patterns of events, as EventBridge rules and the filters of event source mappings write them.

A pattern has the shape of the events it takes; at its leaves stand lists of alternatives: values, or one of
the operators below. An operator that is not here is an error when the template is read, not a surprise later.
Source: "Amazon EventBridge event patterns" and "Lambda event filtering" of the AWS documentation.
"""

import operator
from collections.abc import Callable, Mapping
from typing import Any

Pattern = Mapping[str, Any]

_ABSENT = object()


def matches(pattern: Pattern, event: Mapping[str, Any]) -> bool:
    """Tell whether an event has every field that the pattern asks for."""
    return all(_has(rule, event.get(name, _ABSENT)) for name, rule in pattern.items())


def check(pattern: Any) -> None:
    """Raise ValueError naming what in a pattern is not understood."""
    if not isinstance(pattern, dict):
        raise ValueError(f"{pattern!r}, which is no pattern")  # noqa: TRY004 - one error for all
    for name, rule in pattern.items():
        if name.startswith("$"):
            raise ValueError(name)
        if isinstance(rule, list):
            _check_alternatives(rule)
        else:
            check(rule)


def _check_alternatives(rule: list[Any]) -> None:
    for alternative in rule:
        if isinstance(alternative, dict) and (
            len(alternative) != 1 or not alternative.keys() <= _OPERATORS.keys()
        ):
            raise ValueError(f"the operator {', '.join(alternative)}")


def _has(rule: Any, value: Any) -> bool:
    if isinstance(rule, dict):
        objects = [each for each in _each(value) if isinstance(each, dict)] or [{}]
        return any(matches(rule, each) for each in objects)
    return any(_takes(alternative, value) for alternative in rule)


def _takes(alternative: Any, value: Any) -> bool:
    if not isinstance(alternative, dict):
        return any(_same(alternative, each) for each in _each(value))
    [(name, argument)] = alternative.items()
    if name == "exists":
        return bool(argument) is (value is not _ABSENT and not isinstance(value, dict))
    return any(_OPERATORS[name](argument, each) for each in _each(value))


def _each(value: Any) -> list[Any]:
    if value is _ABSENT:
        return []
    return value if isinstance(value, list) else [value]


def _same(wanted: Any, value: Any) -> bool:
    # To Python True is 1; to JSON it is not.
    return isinstance(wanted, bool) == isinstance(value, bool) and bool(wanted == value)


def _anything_but(argument: Any, value: Any) -> bool:
    if isinstance(argument, dict):
        return not _takes(argument, value)
    return not any(_same(each, value) for each in _each(argument))


def _numeric(argument: list[Any], value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    pairs = zip(argument[::2], argument[1::2], strict=True)
    return all(_COMPARISONS[name](value, bound) for name, bound in pairs)


_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    ">": operator.gt,
    ">=": operator.ge,
}
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "anything-but": _anything_but,
    "equals-ignore-case": lambda text, value: isinstance(value, str) and value.lower() == text.lower(),
    "exists": lambda _argument, _value: True,  # it looks at the field, not at a value of it
    "numeric": _numeric,
    "prefix": lambda text, value: isinstance(value, str) and value.startswith(text),
    "suffix": lambda text, value: isinstance(value, str) and value.endswith(text),
}
