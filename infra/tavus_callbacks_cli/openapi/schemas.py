"""JSON schemas of the models, under their names; what only repeats a name is left out."""

from collections.abc import Iterable
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from tavus_callbacks.api import models as answers
from tavus_callbacks_cli.openapi.operations import operations

Schema = dict[str, Any]
Mode = Literal["validation", "serialization"]

# Answered where no route names them: what became of a callback, and what went wrong.
_ELSEWHERE = (answers.Receipt, answers.Ready, answers.Problem, answers.GatewayMessage)


def ref(name: str) -> Schema:
    """Point to a schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def schemas_of(models: Iterable[type[BaseModel]], mode: Mode) -> dict[str, Schema]:
    """Return the schemas of models and of all that they hold."""
    wanted: Any = [(model, mode) for model in dict.fromkeys(models)]
    _, found = models_json_schema(wanted, ref_template="#/components/schemas/{model}")
    return {name: _without_titles(schema) for name, schema in found["$defs"].items()}


def answer_schemas() -> dict[str, Schema]:
    """Return the schemas of everything that is answered."""
    named = (operation.model for operation in operations() if operation.model)
    return schemas_of([*(getattr(answers, name) for name in named), *_ELSEWHERE], "serialization")


def _without_titles(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_without_titles(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    return {name: _without_titles(value) for name, value in schema.items() if not _is_title(name, value)}


def _is_title(name: str, value: object) -> bool:
    # A member that is called title has a schema, not a text.
    return name == "title" and isinstance(value, str)
