"""What CloudFormation checks of a template's parameters before it makes anything.

Values are never repeated in an error: a secret may stand in the wrong place. Source: "Parameters" of the
template anatomy in the AWS documentation.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import click

Declaration = Mapping[str, Any]

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)", re.ASCII)
# Here a server of one's own may listen without TLS, which no deployed stack posts to.
_ALSO_HERE = {"PushUrl": r"http://\S+"}


def is_list(parameter_type: str) -> bool:
    """Tell whether a parameter of the type has several values, with commas between them."""
    return parameter_type.startswith("List<") or parameter_type == "CommaDelimitedList"


def check_parameters(declared: Mapping[str, Declaration], given: Mapping[str, str]) -> None:
    """Raise click.ClickException naming each parameter whose value is not allowed, and what is."""
    unknown = given.keys() - declared.keys()
    if unknown:
        raise click.ClickException(f"template.yaml has no parameter {', '.join(sorted(unknown))}")
    wrong = [line for name, text in given.items() for line in _objections(name, declared[name], text)]
    if wrong:
        raise click.ClickException("template.yaml does not take this.\n" + "\n".join(wrong))


def _objections(name: str, declaration: Declaration, text: str) -> Iterator[str]:
    if re.fullmatch(_ALSO_HERE.get(name, "(?!)"), text):
        return
    values = text.split(",") if is_list(declaration["Type"]) else [text]
    found = (rule for value in values for rule in _broken(declaration, value))
    for rule in dict.fromkeys(found):
        yield f"{name} must be {rule}."


def _broken(declaration: Declaration, value: str) -> Iterator[str]:
    """Yield the rules that a value breaks, as they go on after "must be"."""
    allowed = [str(one) for one in declaration.get("AllowedValues", [])]
    if allowed and value not in allowed:
        yield "one of " + ", ".join(f'"{one}"' for one in allowed)
    elif declaration["Type"] in ("Number", "List<Number>"):
        yield from _out_of_range(declaration, value)
    else:
        yield from _misspelt(declaration, value)


def _out_of_range(declaration: Declaration, value: str) -> Iterator[str]:
    least, most = declaration.get("MinValue"), declaration.get("MaxValue")
    is_number = _NUMBER.fullmatch(value) is not None
    is_within = is_number and not (
        (least is not None and float(value) < float(least))
        or (most is not None and float(value) > float(most))
    )
    if not is_within:
        yield "a number" + _bounds(least, most, "at least", "at most")


def _misspelt(declaration: Declaration, value: str) -> Iterator[str]:
    shortest, longest = declaration.get("MinLength"), declaration.get("MaxLength")
    if not int(shortest or 0) <= len(value) <= int(longest or len(value)):
        yield "a text" + _bounds(shortest, longest, "of at least", "of at most") + " characters"
    pattern = declaration.get("AllowedPattern")
    if pattern is not None and not re.fullmatch(pattern, value):
        yield f"of the form {pattern}"


def _bounds(least: object, most: object, from_: str, to: str) -> str:
    named = [f" {word} {bound}" for word, bound in ((from_, least), (to, most)) if bound is not None]
    return " and".join(named)
