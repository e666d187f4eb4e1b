"""Event patterns of EventBridge rules and of the filters of event source mappings.

A pattern has the shape of the events that it matches. Its leaves are lists of alternatives: values, or one of
the operators below. An operator that is missing here is an error when the template is loaded.
Source: "Amazon EventBridge event patterns" and "Lambda event filtering" of the AWS documentation.
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Pattern = Mapping[str, Any]

_ABSENT = object()


def matches(pattern: Pattern, event: Mapping[str, Any]) -> bool:
    """Tell whether an event has every field of the pattern."""
    for name, rule in pattern.items():
        value = event.get(name, _ABSENT)
        if isinstance(rule, dict):
            objects = [each for each in _values(value) if isinstance(each, dict)] or [{}]
            is_match = any(matches(rule, each) for each in objects)
        else:
            is_match = any(_alternative_matches(alternative, value) for alternative in rule)
        if not is_match:
            return False
    return True


def matches_one_of(patterns: Sequence[Pattern], event: Mapping[str, Any]) -> bool:
    """Tell whether one of the filters of a mapping matches; without filters, every record does."""
    return not patterns or any(matches(each, event) for each in patterns)


def check(pattern: Any) -> None:
    """Raise ValueError naming the unsupported part of a pattern."""
    if not isinstance(pattern, dict):
        raise ValueError(f"{pattern!r}, which is not a pattern")  # noqa: TRY004 - one error for all
    for name, rule in pattern.items():
        if name.startswith("$"):
            raise ValueError(name)
        if not isinstance(rule, list):
            check(rule)
            continue
        for operators in (each for each in rule if isinstance(each, dict)):
            if len(operators) != 1 or not operators.keys() <= _OPERATORS.keys():
                raise ValueError(f"the operator {', '.join(operators)}")


def _alternative_matches(alternative: Any, value: Any) -> bool:
    if not isinstance(alternative, dict):
        return any(_same(alternative, each) for each in _values(value))
    [(name, argument)] = alternative.items()
    if name == "exists":
        return bool(argument) is (value is not _ABSENT and not isinstance(value, dict))
    return any(_OPERATORS[name](argument, each) for each in _values(value))


def _values(value: Any) -> list[Any]:
    if value is _ABSENT:
        return []
    return value if isinstance(value, list) else [value]


def _same(expected: Any, value: Any) -> bool:
    # True equals 1 in Python, but not in JSON.
    return isinstance(expected, bool) == isinstance(value, bool) and bool(expected == value)


def _anything_but(argument: Any, value: Any) -> bool:
    if isinstance(argument, dict):
        return not _alternative_matches(argument, value)
    return not any(_same(each, value) for each in _values(argument))


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
    "exists": lambda _argument, _value: True,  # it concerns the field, not its values
    "numeric": _numeric,
    "prefix": lambda text, value: isinstance(value, str) and value.startswith(text),
    "suffix": lambda text, value: isinstance(value, str) and value.endswith(text),
}
