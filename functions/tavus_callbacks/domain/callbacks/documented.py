"""Recognises transcripts that are exactly as documented, and writes their canonical JSON.

A transcript of 200 KB has 1,800 turns, and code in Python that checks and sorts each of them takes half of a
callback's CPU. Here pydantic-core does that in two calls. Other bodies are read part by part, with the same
result.
"""

from collections.abc import Iterator
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import PydanticSerializationError, SchemaValidator, ValidationError, core_schema, to_json

from tavus_callbacks.domain.callbacks.models.usual import TranscriptionReady
from tavus_callbacks.domain.callbacks.validation import MOST_PARTS
from tavus_callbacks.domain.common.json_text import Written, count_brackets

# Numbers that Python and pydantic-core write alike, without an exponent, and that every float can hold.
_NUMBERS = (
    core_schema.int_schema(strict=True, ge=0, lt=10**15),
    core_schema.float_schema(strict=True, ge=0, le=0),
    core_schema.float_schema(strict=True, ge=1e-4, lt=1e15),
)


def write_transcript(body: dict[str, Any]) -> Written | None:
    """Return the canonical JSON of a transcript's documented members, None if one has an undocumented type.

    Undocumented members are left out.
    """
    try:
        members = _sorter().validate_python(body)
        written = {name: _write(value) for name, value in members.items()}
    except (ValidationError, PydanticSerializationError):
        # The second one comes of halves of surrogate pairs.
        return None
    # Each of many objects takes three characters at least, so few bodies need a count.
    is_small = sum(map(len, written.values())) < 3 * MOST_PARTS
    return written if is_small or count_brackets(written) < MOST_PARTS else None


def _write(value: object) -> bytes:
    """Write canonical JSON of a sorted value, as Python does."""
    written = to_json(value)
    if not written.isascii():
        # Slower, so only where it is needed.
        written = to_json(value, ensure_ascii=True)
    return written.replace(b"\x7f", rb"\u007f")


@cache
def _sorter() -> SchemaValidator:
    """Return what copies a body with its members in order; made when it is needed, in 0.2 ms."""
    return SchemaValidator(_object_schema(TranscriptionReady))


def _object_schema(model: type[BaseModel]) -> core_schema.CoreSchema:
    schemas = {name: _value_schema(field.annotation) for name, field in sorted(model.model_fields.items())}
    fields = {
        name: core_schema.typed_dict_field(schema, required=False)
        for name, schema in schemas.items()
        if schema
    }
    return core_schema.typed_dict_schema(fields, extra_behavior="ignore")


def _value_schema(annotation: object) -> core_schema.CoreSchema | None:
    schemas = list(_choices(annotation))
    if not schemas:
        return None
    schema = core_schema.union_schema([*schemas]) if len(schemas) > 1 else schemas[0]
    return core_schema.nullable_schema(schema) if NoneType in get_args(annotation) else schema


def _choices(annotation: object) -> Iterator[core_schema.CoreSchema]:
    """Yield a schema for each type whose values need no conversion; `dict[str, Any]` has none."""
    if annotation is str:
        yield core_schema.str_schema(strict=True)
    elif annotation is float:
        yield from _NUMBERS
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield _object_schema(annotation)
    elif get_origin(annotation) is list and (items := _value_schema(get_args(annotation)[0])):
        yield core_schema.list_schema(items, strict=True, fail_fast=True)
    elif get_origin(annotation) in (Union, UnionType, Annotated):
        for choice in get_args(annotation):
            yield from _choices(choice)
