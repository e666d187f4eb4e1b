"""Loads `template.yaml`, the only declaration of resources: the local stack runs what a deployment would."""

import hashlib
import json
import logging
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click

from tavus_callbacks_cli.local_stack.account import ACCOUNT, isolated_session
from tavus_callbacks_cli.local_stack.state import PACKAGE
from tavus_callbacks_cli.local_stack.template.intrinsics import Names, Resolver, uninterpretable
from tavus_callbacks_cli.output.files import write_json
from tavus_callbacks_cli.output.shell import argument

_CODE_BUCKET = "local"


@dataclass(frozen=True)
class Resource:
    """A resource that exists with the given parameters: its physical name and its resolved properties."""

    logical_id: str
    type: str
    name: str
    properties: dict[str, Any]


@dataclass(frozen=True)
class Template:
    """A translated template; relative paths start at `folder`."""

    folder: Path
    resources: dict[str, Resource]
    outputs: dict[str, str]

    def of_type(self, resource_type: str) -> list[Resource]:
        """Return the resources of one type, in the template's order."""
        return [resource for resource in self.resources.values() if resource.type == resource_type]

    def function(self, reference: str) -> str:
        """Return the logical id of a function by its name or ARN; raises ValueError for an unknown one."""
        name = reference.rpartition(":")[2]
        for function in self.of_type("AWS::Lambda::Function"):
            if function.name == name:
                return function.logical_id
        raise ValueError(f"the function {reference}")

    def policy_statements(self, function: Resource) -> list[dict[str, Any]]:
        """Return the statements of the policies of a function's role, if the template declares that role."""
        name = str(function.properties.get("Role", "")).rpartition("/")[2]
        roles = [role for role in self.of_type("AWS::IAM::Role") if role.name == name]
        policies = [policy for role in roles for policy in role.properties.get("Policies", [])]
        return [each for policy in policies for each in as_list(policy["PolicyDocument"]["Statement"])]

    def code_folder(self, function: Resource) -> Path:
        """Return the folder that holds the code of a function, from its CodeUri."""
        code = function.properties.get("Code", {})
        if code.get("S3Bucket") != _CODE_BUCKET:
            raise uninterpretable(function.logical_id, "Code", "give it a CodeUri in this repository")
        # A wheel installs the code beside this package, whatever folder of the repository the CodeUri names.
        return PACKAGE.parent if self.folder == PACKAGE else (self.folder / str(code["S3Key"])).resolve()


def as_list(value: Any) -> list[Any]:
    """Return the values of a member of a policy, which may hold one value or a list."""
    return value if isinstance(value, list) else [value]


def load_template(
    path: Path,
    parameters: dict[str, str] | None = None,
    *,
    defaults: dict[str, str] | None = None,
    cache: Path | None = None,
) -> Template:
    """Translate a SAM template and resolve it.

    `parameters` override the template's defaults. So do `defaults`, except for parameters that the template
    does not have or that `parameters` name. With the file `cache`, a template that has not changed is not
    translated again. Raises click.ClickException naming the resource that is not supported.
    """
    plain = _translate_once(path, parameters or {}, cache) if cache else translate(path, parameters or {})
    declared = plain.get("Parameters", {})
    names = Names(plain["Resources"])
    used_defaults = {name: value for name, value in (defaults or {}).items() if name in declared}
    resolver = Resolver(plain, {**used_defaults, **(parameters or {})}, names)
    resources = {
        logical_id: Resource(
            logical_id,
            part["Type"],
            names.name(logical_id),
            resolver.resolve(part.get("Properties", {}), logical_id),
        )
        for logical_id, part in plain["Resources"].items()
        if resolver.exists(part)
    }
    outputs = {
        name: str(resolver.resolve(output["Value"], f"Outputs.{name}"))
        for name, output in plain.get("Outputs", {}).items()
        if resolver.exists(output)
    }
    return Template(path.parent, resources, outputs)


def _translate_once(path: Path, parameters: dict[str, str], cache: Path) -> dict[str, Any]:
    """Return what `translate` returns, from a file if it holds that: the translator's imports take 0.6 s."""
    sources = [path.read_bytes() if path.is_file() else b"", Path(__file__).read_bytes()]
    settings = [version("aws-sam-translator"), sorted(parameters.items())]
    key = hashlib.sha256(b"\0".join([*sources, json.dumps(settings).encode()])).hexdigest()
    try:
        content = json.loads(cache.read_bytes())
        if content["key"] == key:
            return dict(content["template"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        pass
    plain = translate(path, parameters)
    write_json(cache, {"key": key, "template": plain})
    return plain


def translate(path: Path, parameters: dict[str, str]) -> dict[str, Any]:
    """Return the CloudFormation template that SAM makes of a SAM template, with its intrinsic functions.

    Raises click.ClickException if it is missing or not a valid SAM template.
    """
    from samtranslator.model.exceptions import InvalidDocumentException
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator
    from samtranslator.yaml_helper import yaml_parse
    from yaml import YAMLError

    # The translator warns that it sends no metrics, and it should send none.
    logging.getLogger("samtranslator.metrics").setLevel(logging.ERROR)
    translator = Translator({}, Parser(), boto_session=isolated_session())
    try:
        source = yaml_parse(path.read_text(encoding="utf-8"))
        # The translator accepts only S3 addresses, so the folder of the code travels as the key of one.
        functions = [r for r in source["Resources"].values() if r["Type"] == "AWS::Serverless::Function"]
        all_properties = [function["Properties"] for function in functions]
        for properties in [*all_properties, source.get("Globals", {}).get("Function", {})]:
            if isinstance(properties.get("CodeUri"), str):
                properties["CodeUri"] = f"s3://{_CODE_BUCKET}/{properties['CodeUri']}"
        plain: dict[str, Any] = translator.translate(source, {**parameters, "AWS::AccountId": ACCOUNT})
    except FileNotFoundError as error:
        raise click.ClickException(
            f"{argument(str(path))} is missing. Run the local stack from a clone or from an installed wheel."
        ) from error
    except (YAMLError, InvalidDocumentException) as error:
        causes = getattr(error, "causes", None) or [error]
        reason = "; ".join(getattr(cause, "message", str(cause)) for cause in causes)
        raise click.ClickException(f"{path.name} is not a valid SAM template: {reason}") from error
    return plain
