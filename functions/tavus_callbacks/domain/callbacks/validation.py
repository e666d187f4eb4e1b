"""Validates a callback against its model, and names the parts that do not match."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import accumulate, chain
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from tavus_callbacks.domain.callbacks.families import Classified
from tavus_callbacks.domain.callbacks.models.base import ConversationCallback, Model
from tavus_callbacks.domain.callbacks.models.usual import (
    USUAL,
    StatusUpdate,
    UnknownConversationCallback,
)
from tavus_callbacks.domain.callbacks.redaction import ECHOES
from tavus_callbacks.domain.common import issues
from tavus_callbacks.domain.common.json_text import Document, levels

# Objects and lists that are typed at most: a model of an empty turn takes 700 bytes and 4 µs, and 4 MB hold
# a million of them, more than a function's memory. A transcript of 4 MB that people spoke has 30,000 turns.
MOST_PARTS = 100_000

_OPEN: tuple[type[Model], ...] = (StatusUpdate, UnknownConversationCallback)

Path = tuple[str | int, ...]


def conversation_models() -> Mapping[str, type[ConversationCallback]]:
    """Return the models of all event types of a conversation that have one."""
    from tavus_callbacks.domain.callbacks.models.rare import CONVERSATION

    return {**USUAL, **CONVERSATION}


def model_of(family: str, event_type: str) -> type[Model]:
    """Return the model of a family and event type; the models of unknown ones accept anything."""
    if family == "conversation" and event_type in USUAL:
        return USUAL[event_type]
    from tavus_callbacks.domain.callbacks.models import rare

    if family == "conversation":
        return rare.CONVERSATION.get(event_type, UnknownConversationCallback)
    return rare.FAMILIES.get(family, StatusUpdate)


def validate(classified: Classified, document: Document) -> tuple[Model | None, tuple[str, ...]]:
    """Return the model of a body, and the issues that name its unexpected parts.

    The model leaves out parts of an unexpected type. It is None if these, or the body's parts, are too many.
    """
    # The number of brackets is an upper bound, so most bodies need no count.
    if document.brackets > MOST_PARTS and any(
        parts > MOST_PARTS for parts in accumulate(map(len, levels(document.clean)))
    ):
        return None, (issues.TOO_MANY_PARTS,)
    model_type = model_of(classified.family, classified.event_type)
    model, unexpected = _build_model(model_type, dict(document.clean))
    model_issues = [issues.UNKNOWN_EVENT_TYPE] if model_type is UnknownConversationCallback else []
    model_issues += [issues.at(issues.UNEXPECTED_TYPE, path) for path in unexpected]
    if model is None:
        model_issues.append(issues.MORE_ISSUES)
    unknown = () if model is None or isinstance(model, _OPEN) else _unknown_members(model, ())
    # Lazy: a body can hold 100,000 unknown members, and few are named.
    return model, limit_issues(
        chain(model_issues, (issues.at(issues.UNKNOWN_PROPERTY, path) for path in unknown))
    )


def limit_issues(given: Iterable[str]) -> tuple[str, ...]:
    """Return each issue once, in order: at most LIMIT, then `more_issues`. Reads no further than that."""
    unique: dict[str, None] = {}
    for issue in given:
        if issue not in unique and len(unique) == issues.LIMIT:
            return (*unique, issues.MORE_ISSUES)
        unique[issue] = None
    return tuple(unique)


def _build_model(model_type: type[Model], value: dict[str, Any]) -> tuple[Model | None, list[Path]]:
    """Return the model without the parts of an unexpected type, and their paths."""
    unexpected: list[Path] = []
    while len(unexpected) < issues.LIMIT:
        try:
            return model_type.model_validate(value), unexpected
        except ValidationError as error:
            errors = error.errors(include_url=False, include_context=False, include_input=False)
            # Innermost last. A location also names the branch of a union, which is not part of the body.
            paths = sorted({_existing_path(value, each["loc"]) for each in errors}, key=str, reverse=True)
            unexpected += paths
            for path in paths:
                # An earlier path can have removed this one.
                if _existing_path(value, path) == path:
                    value = _copy_without(value, path)
    return None, unexpected


def _existing_path(value: Any, location: Path) -> Path:
    """Return the beginning of a location that leads to a part of the value."""
    path: Path = ()
    for step in location:
        is_item = isinstance(value, list) and isinstance(step, int) and step < len(value)
        if not (is_item or (isinstance(value, dict) and step in value)):
            break
        path, value = (*path, step), value[step]
    return path


def _copy_without(value: Any, path: Path) -> Any:
    """Return a value without the part at a path; copies only the containers on the path."""
    step, rest = path[0], path[1:]
    copy = value.copy()
    if rest:
        copy[step] = _copy_without(copy[step], rest)
    else:
        del copy[step]
    return copy


def _unknown_members(model: BaseModel, at: Path) -> Iterator[Path]:
    """Yield the paths of members that no field describes, in nested models too; list items count as one."""
    yield from ((*at, name) for name in model.model_extra or () if name not in ECHOES)
    for name in _nesting_fields(type(model)):
        value = getattr(model, name)
        if isinstance(value, BaseModel):
            yield from _unknown_members(value, (*at, name))
        elif isinstance(value, list):
            # Most turns of a transcript have neither unknown members nor nested models.
            items = (
                item
                for item in value
                if isinstance(item, BaseModel)
                and (item.model_extra or any(getattr(item, field) for field in _nesting_fields(type(item))))
            )
            yield from dict.fromkeys(
                path for item in items for path in _unknown_members(item, (*at, name, 0))
            )


@cache
def _nesting_fields(model_type: type[BaseModel]) -> tuple[str, ...]:
    """Return the fields that can hold models; looking at all fields of each turn took 8 % of a callback."""
    return tuple(name for name, field in model_type.model_fields.items() if _holds_models(field.annotation))


def _holds_models(annotation: object) -> bool:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return True
    return any(map(_holds_models, get_args(annotation)))
