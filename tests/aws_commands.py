"""Commands of the AWS CLI in a text, and their faults by botocore's models of the services."""

import re
import shlex
from collections.abc import Iterator
from functools import cache

from botocore import xform_name
from botocore.exceptions import UnknownServiceError
from botocore.loaders import create_loader
from botocore.model import OperationModel, ServiceModel

_COMMAND = re.compile(r"""\baws ((?:[a-z0-9-]+) (?:[a-z0-9-]+)(?: +(?:"[^"]*"|'[^']*'|[^\s"'`;)]+))*)""")
# Options of every command.
_GLOBAL = {"--output", "--profile", "--query", "--region"}
# Commands that are the AWS CLI's own, without an operation of that name.
_OWN = {("s3", "sync"), ("logs", "tail"), ("dynamodb", "wait")}


def commands(text: str) -> Iterator[list[str]]:
    """Yield the arguments of each command of the AWS CLI in a text."""
    joined = text.replace("\\\n", " ")
    return (shlex.split(match[1]) for match in _COMMAND.finditer(joined))


def faults(arguments: list[str]) -> list[str]:
    """Return what is wrong with a command: an unknown operation or option, or a missing option."""
    service, operation, *rest = arguments
    if (service, operation) in _OWN:
        return []
    model = _operations(service).get(operation)
    if model is None:
        return [f"aws {service} has no {operation}"]
    options = {word for word in rest if word.startswith("--")} - _GLOBAL
    shape = model.input_shape
    known = {f"--{xform_name(name, '-')}": name for name in (shape.members if shape else ())}
    required = set(shape.required_members) if shape else set()
    unknown = [f"{operation} has no {option}" for option in sorted(options - known.keys())]
    given = {known[option] for option in options & known.keys()}
    return unknown + [f"{operation} needs {name}" for name in sorted(required - given)]


@cache
def _operations(service: str) -> dict[str, OperationModel]:
    name = {"s3api": "s3"}.get(service, service)
    try:
        model = ServiceModel(create_loader().load_service_model(name, "service-2"), name)
    except UnknownServiceError:
        return {}
    return {xform_name(each, "-"): model.operation_model(each) for each in model.operation_names}
