"""The references of a translated template, under each combination of its parameters.

A set of combinations is an integer with a bit for each one, so all of them are checked at once.
"""

import re
from collections.abc import Iterator, Sequence
from math import prod
from typing import Any, NamedTuple

Template = dict[str, Any]

_SUBSTITUTION = re.compile(r"\$\{(\w+(?:::\w+)?)(?:\.[\w.]+)?\}")
_OTHER = "another value"
_NO_VALUE = {"Ref": "AWS::NoValue"}


class Reference(NamedTuple):
    """A resource or output that refers to a name, under these combinations."""

    source: str
    target: str
    under: int


class Combinations:
    """Every combination of the values that the conditions of a template, and of another one, tell apart."""

    def __init__(self, template: Template, *others: Template) -> None:
        self._template = template
        self._values = _distinguished(template, *others)
        self.parameters = self._values.keys()
        self.count = prod(map(len, self._values.values()))
        self.all = (1 << self.count) - 1
        self._conditions: dict[str, int] = {}

    def where(self, parameter: str, value: str) -> int:
        """Return the combinations in which a parameter has a value."""
        stride = 1
        for name, values in self._values.items():
            if name == parameter:
                block = ((1 << stride) - 1) << values.index(value) * stride
                return block * (self.all // ((1 << stride * len(values)) - 1))
            stride *= len(values)
        raise KeyError(parameter)

    def example(self, combinations: int) -> dict[str, str]:
        """Return the values of one of the combinations."""
        number, values = (combinations & -combinations).bit_length() - 1, {}
        for name, choices in self._values.items():
            number, index = divmod(number, len(choices))
            values[name] = choices[index]
        return values

    def condition(self, part: Any) -> int:
        """Return the combinations in which a condition holds."""
        if isinstance(part, str):
            if part not in self._conditions:
                self._conditions[part] = self.condition(self._template["Conditions"][part])
            return self._conditions[part]
        [(name, argument)] = part.items()
        if name == "Condition":
            return self.condition(argument)
        if name == "Fn::Equals":
            return self.where(*_comparison(argument))
        parts = [self.condition(each) for each in argument]
        if name == "Fn::Not":
            return self.all & ~parts[0]
        result = self.all if name == "Fn::And" else 0
        for each in parts:
            result = result & each if name == "Fn::And" else result | each
        if name not in ("Fn::And", "Fn::Or"):
            raise ValueError(name)
        return result

    def exists(self, part: dict[str, Any]) -> int:
        """Return the combinations in which a resource or output exists."""
        return self.condition(part["Condition"]) if "Condition" in part else self.all

    def branches(self, part: Any, under: int) -> Iterator[tuple[Any, int]]:
        """Yield the values of a part that may be an `Fn::If`, with the combinations that choose each."""
        if isinstance(part, dict) and part.keys() == {"Fn::If"}:
            name, first, second = part["Fn::If"]
            holds = self.condition(name)
            yield from self.branches(first, under & holds)
            yield from self.branches(second, under & ~holds)
        elif under and part != _NO_VALUE:
            yield part, under

    def references(self, sections: Sequence[str] = ("Resources", "Outputs")) -> Iterator[Reference]:
        """Yield every reference of the resources and outputs."""
        for section in sections:
            for name, part in self._template[section].items():
                content = [part.get("Properties", part.get("Value"))]
                depends = part.get("DependsOn", [])
                content += [{"Ref": each} for each in ([depends] if isinstance(depends, str) else depends)]
                for target, under in self._targets(content, self.exists(part)):
                    yield Reference(name, target, under)

    def _targets(self, part: Any, under: int) -> Iterator[tuple[str, int]]:
        for value, chosen in self.branches(part, under):
            if isinstance(value, list):
                for each in value:
                    yield from self._targets(each, chosen)
            elif isinstance(value, dict):
                yield from self._targets_of_members(value, chosen)

    def _targets_of_members(self, value: dict[str, Any], under: int) -> Iterator[tuple[str, int]]:
        for name, argument in value.items():
            if name == "Ref":
                yield argument, under
            elif name == "Fn::GetAtt":
                yield argument.split(".")[0] if isinstance(argument, str) else argument[0], under
            elif name == "Fn::Sub":
                text, local = (argument, {}) if isinstance(argument, str) else argument
                yield from self._targets(list(local.values()), under)
                yield from ((each, under) for each in _SUBSTITUTION.findall(text) if each not in local)
            else:
                yield from self._targets(argument, under)


def _comparison(operands: list[Any]) -> tuple[str, str]:
    # The values of a list are joined before they are compared.
    references = [each.get("Fn::Join", [None, each])[1] for each in operands if isinstance(each, dict)]
    [parameter] = [each["Ref"] for each in references]
    [value] = [str(each) for each in operands if not isinstance(each, dict)]
    return parameter, value


def _distinguished(*templates: Template) -> dict[str, list[str]]:
    """Return the values of each parameter to which a condition compares it, and one more if there is one.

    The order of the templates makes no difference, so that their sets of combinations can be compared.
    """
    values: dict[str, set[str]] = {}
    for template in templates:
        for parameter, value in _comparisons(list(template["Conditions"].values())):
            allowed = template["Parameters"][parameter].get("AllowedValues", [_OTHER])
            values.setdefault(parameter, set()).update(map(str, [value, *allowed]))
    return {name: sorted(values[name]) for name in sorted(values)}


def _comparisons(part: Any) -> Iterator[tuple[str, str]]:
    if isinstance(part, dict):
        for name, argument in part.items():
            yield from [_comparison(argument)] if name == "Fn::Equals" else _comparisons(argument)
    elif isinstance(part, list):
        for each in part:
            yield from _comparisons(each)
