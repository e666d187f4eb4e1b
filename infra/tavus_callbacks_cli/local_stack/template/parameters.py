"""The checks that CloudFormation makes of a template's parameters before it creates anything.

Errors never repeat a value: it may be a secret in the wrong place. Source: "Parameters" of the template
anatomy in the AWS documentation.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import click

Declaration = Mapping[str, Any]

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)", re.ASCII)
# Values that only a local stack allows: your own server may listen without TLS.
_LOCALLY_ALLOWED = {"PushUrl": r"http://\S+"}


def is_list(parameter_type: str) -> bool:
    """Tell whether a parameter of the type has several values, separated by commas."""
    return parameter_type.startswith("List<") or parameter_type == "CommaDelimitedList"


def split_list(text: str) -> list[str]:
    """Return the values of a list; CloudFormation removes white space around each."""
    return [value.strip() for value in text.split(",")]


def check_parameters(declared: Mapping[str, Declaration], given: Mapping[str, str]) -> None:
    """Raise click.ClickException naming each parameter with an invalid value, and the values it allows."""
    unknown = given.keys() - declared.keys()
    if unknown:
        raise click.ClickException(f"template.yaml has no parameter {', '.join(sorted(unknown))}")
    errors = []
    for name, text in given.items():
        if not re.fullmatch(_LOCALLY_ALLOWED.get(name, "(?!)"), text):
            values = split_list(text) if is_list(declared[name]["Type"]) else [text]
            rules = dict.fromkeys(rule for value in values for rule in _broken_rules(declared[name], value))
            errors += [f"{name} must be {rule}." for rule in rules]
    if errors:
        raise click.ClickException("template.yaml does not take this.\n" + "\n".join(errors))


def _broken_rules(declaration: Declaration, value: str) -> Iterator[str]:
    """Yield the rules that a value breaks, as they continue after "must be"."""
    allowed = [str(each) for each in declaration.get("AllowedValues", [])]
    if allowed and value not in allowed:
        yield "one of " + ", ".join(f'"{each}"' for each in allowed)
    elif declaration["Type"] in ("Number", "List<Number>"):
        least, most = declaration.get("MinValue"), declaration.get("MaxValue")
        is_number = _NUMBER.fullmatch(value) is not None
        is_within = is_number and not (
            (least is not None and float(value) < float(least))
            or (most is not None and float(value) > float(most))
        )
        if not is_within:
            yield "a number" + _bounds(least, most, "at least", "at most")
    else:
        shortest, longest = declaration.get("MinLength"), declaration.get("MaxLength")
        if not int(shortest or 0) <= len(value) <= int(longest or len(value)):
            yield "a text" + _bounds(shortest, longest, "of at least", "of at most") + " characters"
        pattern = declaration.get("AllowedPattern")
        if pattern is not None and not re.fullmatch(pattern, value):
            yield declaration.get("ConstraintDescription", f"of the form {pattern}")


def _bounds(least: object, most: object, from_: str, to: str) -> str:
    bounds = [f" {word} {bound}" for word, bound in ((from_, least), (to, most)) if bound is not None]
    return " and".join(bounds)
