"""Reading `template.yaml`: what a deployment declares is what runs here, nothing is declared twice."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from tavus_callbacks_cli.local_stack.account import ACCOUNT, isolated_session
from tavus_callbacks_cli.local_stack.template.intrinsics import Names, Resolver, uninterpretable

CODE_BUCKET = "local"


@dataclass(frozen=True)
class Resource:
    """One resource that exists under the parameters given: its physical name, its properties resolved."""

    logical_id: str
    type: str
    name: str
    properties: dict[str, Any]


@dataclass(frozen=True)
class Template:
    """A translated template; `folder` is where its relative paths begin."""

    folder: Path
    resources: dict[str, Resource]
    outputs: dict[str, str]

    def of_type(self, resource_type: str) -> list[Resource]:
        """Return the resources of one type, in the template's order."""
        return [resource for resource in self.resources.values() if resource.type == resource_type]

    def function(self, reference: str) -> str:
        """Return the logical id of the function that a name or ARN means; raises ValueError for another's."""
        name = reference.rpartition(":")[2]
        for function in self.of_type("AWS::Lambda::Function"):
            if function.name == name:
                return function.logical_id
        raise ValueError(f"the function {reference}")

    def code_folder(self, function: Resource) -> Path:
        """Return where the code of a function lies, as its CodeUri says."""
        code = function.properties.get("Code", {})
        if code.get("S3Bucket") != CODE_BUCKET:
            raise uninterpretable(function.logical_id, "Code", "give it a CodeUri in this repository")
        return (self.folder / str(code["S3Key"])).resolve()


def load_template(
    path: Path, parameters: dict[str, str] | None = None, *, defaults: dict[str, str] | None = None
) -> Template:
    """Translate a SAM template and resolve it; `parameters` override its defaults, and so do `defaults`.

    Of these those count that the template has, and that `parameters` do not name.

    Raises click.ClickException naming the resource that cannot be interpreted.
    """
    plain = _translate(path, parameters or {})
    names = Names(plain["Resources"])
    known = {name: value for name, value in (defaults or {}).items() if name in plain.get("Parameters", {})}
    resolver = Resolver(plain, {**known, **(parameters or {})}, names)
    return Template(path.parent, _resources(plain, resolver, names), _outputs(plain, resolver))


def _translate(path: Path, parameters: dict[str, str]) -> dict[str, Any]:
    from samtranslator.model.exceptions import InvalidDocumentException
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator
    from samtranslator.yaml_helper import yaml_parse
    from yaml import YAMLError

    # It warns of unsent metrics, which is what is wanted here.
    logging.getLogger("samtranslator.metrics").setLevel(logging.ERROR)
    translator = Translator({}, Parser(), boto_session=isolated_session())
    try:
        source = yaml_parse(path.read_text(encoding="utf-8"))
        _point_code_at_folders(source)
        plain: dict[str, Any] = translator.translate(source, {**parameters, "AWS::AccountId": ACCOUNT})
    except (YAMLError, InvalidDocumentException) as error:
        raise click.ClickException(f"{path.name} is no valid SAM template: {_reason(error)}") from error
    return plain


def _reason(error: Exception) -> str:
    causes = getattr(error, "causes", None) or [error]
    return "; ".join(getattr(cause, "message", str(cause)) for cause in causes)


def _point_code_at_folders(source: dict[str, Any]) -> None:
    # The translator takes nothing but S3 addresses; so the folder travels as the key of one.
    functions = [r for r in source["Resources"].values() if r["Type"] == "AWS::Serverless::Function"]
    holders = [function["Properties"] for function in functions]
    for properties in [*holders, source.get("Globals", {}).get("Function", {})]:
        if isinstance(properties.get("CodeUri"), str):
            properties["CodeUri"] = f"s3://{CODE_BUCKET}/{properties['CodeUri']}"


def _resources(plain: dict[str, Any], resolver: Resolver, names: Names) -> dict[str, Resource]:
    existing = {name: part for name, part in plain["Resources"].items() if resolver.exists(part)}
    return {
        logical_id: Resource(
            logical_id,
            part["Type"],
            names.name(logical_id),
            resolver.resolve(part.get("Properties", {}), logical_id),
        )
        for logical_id, part in existing.items()
    }


def _outputs(plain: dict[str, Any], resolver: Resolver) -> dict[str, str]:
    return {
        name: str(resolver.resolve(output["Value"], f"Outputs.{name}"))
        for name, output in plain.get("Outputs", {}).items()
        if resolver.exists(output)
    }
