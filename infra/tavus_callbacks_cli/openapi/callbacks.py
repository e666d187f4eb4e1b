"""What Tavus posts: one named schema an event type and family, and the path that takes them.

The receiver takes more than these say: what fits no schema is kept and flagged, as long as it tells whom and
what it is about. So the schemas describe what is known, and the last one of the list takes the rest.
"""

from collections.abc import Mapping
from typing import Any

from tavus_callbacks.domain.callbacks.families import FAMILIES, MAX_NAME, Family
from tavus_callbacks.domain.callbacks.models.usual import Model, UnknownConversationCallback
from tavus_callbacks.domain.callbacks.validation import conversation_models, model_of
from tavus_callbacks.runtime.http import JSON_TYPE
from tavus_callbacks_cli.openapi.responses import answers_of
from tavus_callbacks_cli.openapi.schemas import Schema, ref, schemas_of

_KNOWN, _UNKNOWN = "conversation", "conversation.unknown"
_NAME: Schema = {"type": "string", "minLength": 1, "maxLength": MAX_NAME}


def callback_schemas() -> dict[str, Schema]:
    """Return a schema an event type, one a family, and those of the models behind them."""
    known = conversation_models()
    types = {event_type: _of_type(event_type, model) for event_type, model in known.items()}
    families = {family.name: _of_family(family) for family in _other_families()}
    models: list[type[Model]] = [UnknownConversationCallback, *known.values()]
    models += map(_model, _other_families())
    behind = schemas_of(models, "validation")
    return {**behind, **types, _KNOWN: _known(types), _UNKNOWN: _unknown(), **families, "Callback": _any()}


def callback_path() -> dict[str, Any]:
    """Describe `/callbacks/{token}`, and the paths below it, which do the same."""
    post = {**_POST, "operationId": "post_callback_below"}
    get = {**_TRY, "operationId": "try_callback_below"}
    return {
        "/callbacks/{token}": {"parameters": [_TOKEN], "post": _POST, "get": _TRY},
        "/callbacks/{token}/{rest}": {"parameters": [_TOKEN, _REST], "post": post, "get": get},
    }


def _other_families() -> list[Family]:
    return [family for family in FAMILIES if family.name != "conversation"]


def _model(family: Family) -> type[Model]:
    return model_of(family.name, "")


def _of_type(event_type: str, model: type[Model]) -> Schema:
    return _narrowed(model, {"event_type": {"const": event_type}, "conversation_id": _NAME})


def _narrowed(model: type[Model], members: Mapping[str, Schema]) -> Schema:
    if not members:
        return {"allOf": [ref(model.__name__)]}
    narrowed = {"type": "object", "required": sorted(members), "properties": dict(members)}
    return {"allOf": [ref(model.__name__), narrowed]}


def _of_family(family: Family) -> Schema:
    keys = [key for _, key in family.subjects]
    about = [{"required": [key], "properties": {key: _NAME}} for key in keys]
    is_of_status = all(kind == family.name for kind, _ in family.subjects)
    what = _narrowed(_model(family), {"status": _NAME} if is_of_status else {})
    return {**what, "anyOf": about}


def _known(types: Mapping[str, Schema]) -> Schema:
    pointers = {event_type: ref(event_type) for event_type in types}
    mapping = {event_type: pointer["$ref"] for event_type, pointer in pointers.items()}
    return {
        "description": "An event of a conversation whose type is described.",
        "oneOf": list(pointers.values()),
        "discriminator": {"propertyName": "event_type", "mapping": mapping},
    }


def _unknown() -> Schema:
    members = {
        "event_type": {**_NAME, "not": {"enum": list(conversation_models())}},
        "conversation_id": _NAME,
    }
    return _narrowed(UnknownConversationCallback, members)


def _any() -> Schema:
    names = [_KNOWN, *(family.name for family in _other_families()), _UNKNOWN]
    anything: Schema = {
        "type": "object",
        "description": "Anything else that tells whom it is about: kept as it came, and flagged.",
    }
    return {"anyOf": [*map(ref, names), anything]}


def _answer(model: str) -> dict[str, Any]:
    return {"description": "Done.", "content": {JSON_TYPE: {"schema": ref(model)}}}


_TOKEN = {
    "name": "token",
    "in": "path",
    "required": True,
    "description": "A token of scope `callback`; it stands in the URL that Tavus is given.",
    "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]+$"},
}
_REST = {
    "name": "rest",
    "in": "path",
    "required": True,
    "description": "Anything, slashes included, such as `webhook`. It is neither read nor stored nor logged.",
    "schema": {"type": "string"},
}
_TAGS = {
    "name": "tags",
    "in": "query",
    "description": "Any names and values, kept with the event as its tags.",
    "style": "form",
    "explode": True,
    "schema": {"type": "object", "additionalProperties": {"type": "string"}},
    "example": {"user": "4711"},
}
_POST = {
    "operationId": "post_callback",
    "summary": "Keep a callback; 200 means that it is durably kept.",
    "description": "`duplicate` says that it was there, `accepted` that it waits for the store to come back, "
    "`erased` that it is dropped, for its subject was erased.",
    "security": [],
    "parameters": [_TAGS],
    "requestBody": {"required": True, "content": {JSON_TYPE: {"schema": ref("Callback")}}},
    "responses": {
        "200": _answer("Receipt"),
        **answers_of(
            status_400="NotAnObject",
            status_401="UnknownToken",
            status_404="NoSuchPath",
            status_413="TooLarge",
            status_422="Unfileable",
        ),
    },
}
_TRY = {
    "operationId": "try_callback",
    "summary": "Tell whether the token is live, so that a pasted URL can be tried in a browser.",
    "security": [],
    "responses": {
        "200": _answer("Ready"),
        **answers_of(status_401="UnknownToken", status_404="NoSuchPath"),
    },
}
