"""JSON schemas of the models, by name, without titles that only repeat a name."""

from collections.abc import Iterable
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from tavus_callbacks import models
from tavus_callbacks_cli.openapi.operations import operations

Schema = dict[str, Any]

# Answers that no route names: the outcome of a callback, and problems.
_FURTHER_ANSWERS = (models.Receipt, models.Ready, models.Problem, models.GatewayMessage)


def ref(name: str) -> Schema:
    """Return a reference to a schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def model_schemas(
    model_types: Iterable[type[BaseModel]], mode: Literal["validation", "serialization"]
) -> dict[str, Schema]:
    """Return the schemas of models and of every model that they contain."""
    inputs: Any = [(model, mode) for model in dict.fromkeys(model_types)]
    _, document = models_json_schema(inputs, ref_template="#/components/schemas/{model}")
    return {name: _without_titles(schema) for name, schema in document["$defs"].items()}


def answer_schemas() -> dict[str, Schema]:
    """Return the schemas of all answers."""
    names = (operation.model for operation in operations() if operation.model)
    return model_schemas([*(getattr(models, name) for name in names), *_FURTHER_ANSWERS], "serialization")


def _without_titles(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_without_titles(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    # A member with the name title has a schema, not a string.
    return {
        name: _without_titles(value)
        for name, value in schema.items()
        if not (name == "title" and isinstance(value, str))
    }
