"""Fits a callback to its model, and names the parts that do not fit."""

from collections.abc import Iterator, Mapping
from functools import cache
from itertools import accumulate, chain
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel, ValidationError

from tavus_callbacks.domain.callbacks.families import Classified
from tavus_callbacks.domain.callbacks.models.usual import (
    USUAL,
    Model,
    StatusUpdate,
    UnknownConversationCallback,
)
from tavus_callbacks.domain.callbacks.redaction import ECHOES
from tavus_callbacks.domain.common import issues
from tavus_callbacks.domain.common.json_text import Document, levels

if TYPE_CHECKING:
    from tavus_callbacks.domain.callbacks.models.usual import ConversationCallback

# Objects and lists that are typed at most: a model of an empty turn takes 700 bytes and 4 µs, and 4 MB hold
# a million of them, more than a function's memory. A transcript of 4 MB that people spoke has 30,000 turns.
MOST_PARTS = 100_000

_OPEN: tuple[type[Model], ...] = (StatusUpdate, UnknownConversationCallback)


def conversation_models() -> "Mapping[str, type[ConversationCallback]]":
    """Return the models of all event types of a conversation that are described."""
    from tavus_callbacks.domain.callbacks.models.rare import CONVERSATION

    return {**USUAL, **CONVERSATION}


def model_of(family: str, event_type: str) -> type[Model]:
    """Return the model for a family and event type; unknown ones have models that take anything."""
    if family == "conversation" and event_type in USUAL:
        return USUAL[event_type]
    from tavus_callbacks.domain.callbacks.models import rare

    if family == "conversation":
        return rare.CONVERSATION.get(event_type, UnknownConversationCallback)
    return rare.FAMILIES.get(family, StatusUpdate)


def fit(classified: Classified, document: Document) -> tuple[Model | None, tuple[str, ...]]:
    """Type a body where it fits, and name the parts that do not: (model, issues).

    Parts of an unexpected type are left out of the model; where too many are, or the body has too many
    parts at all, the model is None.
    """
    if _has_too_many_parts(document):
        return None, (issues.TOO_MANY_PARTS,)
    model = model_of(classified.family, classified.event_type)
    fitted, misfits = _fitted(model, dict(document.clean))
    found = [issues.UNKNOWN_EVENT_TYPE] if model is UnknownConversationCallback else []
    found += [issues.at(issues.UNEXPECTED_TYPE, path) for path in misfits]
    if fitted is None:
        found.append(issues.MORE_ISSUES)
    unknown = () if fitted is None or isinstance(fitted, _OPEN) else _unknown(fitted, ())
    # Lazy: a body can hold 100,000 members that nobody knows, and few are named.
    unknown_issues = (issues.at(issues.UNKNOWN_PROPERTY, path) for path in unknown)
    return fitted, issues.limited(chain(found, unknown_issues))


def _has_too_many_parts(document: Document) -> bool:
    if document.brackets <= MOST_PARTS:
        return False
    return any(parts > MOST_PARTS for parts in accumulate(map(len, levels(document.clean))))


Path = tuple[str | int, ...]


def _fitted(model: type[Model], value: dict[str, Any]) -> tuple[Model | None, list[Path]]:
    misfits: list[Path] = []
    while len(misfits) < issues.LIMIT:
        try:
            return model.model_validate(value), misfits
        except ValidationError as error:
            paths = _paths(error, value)
            misfits += paths
            value = _without_all(value, paths)
    return None, misfits


def _paths(error: ValidationError, value: object) -> list[Path]:
    """Return each misfit's path once, innermost last; a location also names the branch of a union."""
    errors = error.errors(include_url=False, include_context=False, include_input=False)
    return sorted({_resolved(value, one["loc"]) for one in errors}, key=str, reverse=True)


def _resolved(value: Any, location: Path) -> Path:
    path: Path = ()
    for step in location:
        if not _holds(value, step):
            break
        path, value = (*path, step), value[step]
    return path


def _holds(value: object, step: str | int) -> bool:
    if isinstance(value, dict):
        return step in value
    return isinstance(value, list) and isinstance(step, int) and step < len(value)


def _without_all(value: dict[str, Any], paths: list[Path]) -> dict[str, Any]:
    for path in paths:
        if _resolved(value, path) == path:
            value = _without(value, path)
    return value


def _without(value: Any, path: Path) -> Any:
    """Copy the containers along the path, and those alone, leaving out what it leads to."""
    step, rest = path[0], path[1:]
    copy = value.copy()
    if rest:
        copy[step] = _without(copy[step], rest)
    else:
        del copy[step]
    return copy


def _unknown(model: BaseModel, at: Path) -> Iterator[Path]:
    """Name the members that no field describes, those of nested models too; list items count as one."""
    yield from ((*at, name) for name in model.model_extra or () if name not in ECHOES)
    for name in _nesting(type(model)):
        value = getattr(model, name)
        if isinstance(value, BaseModel):
            yield from _unknown(value, (*at, name))
        elif isinstance(value, list):
            items = (item for item in value if isinstance(item, BaseModel) and not _is_plain(item))
            yield from dict.fromkeys(path for item in items for path in _unknown(item, (*at, name, 0)))


def _is_plain(model: BaseModel) -> bool:
    """Tell at once of a usual turn that it holds nothing to look at."""
    return not model.model_extra and not any(getattr(model, name) for name in _nesting(type(model)))


@cache
def _nesting(kind: type[BaseModel]) -> tuple[str, ...]:
    """Name the fields that can hold models; looking at all of each turn took 8 % of a callback's CPU."""
    return tuple(name for name, field in kind.model_fields.items() if _holds_models(field.annotation))


def _holds_models(annotation: object) -> bool:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return True
    return any(map(_holds_models, get_args(annotation)))
