"""The callbacks of Tavus: a named schema for each event type and family, and the path that receives them.

The receiver accepts more than these schemas: a callback that fits none is stored and flagged, as long as it
names its subject and type. So the schemas describe what is known, and the last one of the list accepts the
rest.
"""

from collections.abc import Mapping
from typing import Any

from tavus_callbacks.domain.callbacks.families import FAMILIES, MAX_NAME, Family
from tavus_callbacks.domain.callbacks.models.base import Model
from tavus_callbacks.domain.callbacks.models.usual import UnknownConversationCallback
from tavus_callbacks.domain.callbacks.validation import conversation_models, model_of
from tavus_callbacks.runtime.http import JSON_TYPE
from tavus_callbacks_cli.openapi.responses import response_refs
from tavus_callbacks_cli.openapi.schemas import Schema, model_schemas, ref

_KNOWN, _UNKNOWN = "conversation", "conversation.unknown"
_NAME: Schema = {"type": "string", "minLength": 1, "maxLength": MAX_NAME}
_ANYTHING_ELSE: Schema = {
    "type": "object",
    "description": "Any other body with a subject: stored as sent, and flagged.",
}


def callback_schemas() -> dict[str, Schema]:
    """Return a schema for each event type and family, and for the models behind them."""
    event_models = conversation_models()
    families = [family for family in FAMILIES if family.name != "conversation"]
    models: list[type[Model]] = [UnknownConversationCallback, *event_models.values()]
    models += [model_of(family.name, "") for family in families]
    return {
        **model_schemas(models, "validation"),
        **{
            event_type: _narrow(model, {"event_type": {"const": event_type}, "conversation_id": _NAME})
            for event_type, model in event_models.items()
        },
        _KNOWN: {
            "description": "An event of a conversation with a known type.",
            "oneOf": [ref(event_type) for event_type in event_models],
            "discriminator": {
                "propertyName": "event_type",
                "mapping": {event_type: ref(event_type)["$ref"] for event_type in event_models},
            },
        },
        _UNKNOWN: _narrow(
            UnknownConversationCallback,
            {"event_type": {**_NAME, "not": {"enum": list(event_models)}}, "conversation_id": _NAME},
        ),
        **{family.name: _family_schema(family) for family in families},
        "Callback": {
            "anyOf": [*map(ref, [_KNOWN, *(family.name for family in families), _UNKNOWN]), _ANYTHING_ELSE]
        },
    }


def callback_path() -> dict[str, Any]:
    """Return the path items of `/callbacks/{token}` and of the paths below it, which do the same."""
    post = {**_POST, "operationId": "post_callback_below"}
    get = {**_TRY, "operationId": "try_callback_below"}
    return {
        "/callbacks/{token}": {"parameters": [_TOKEN], "post": _POST, "get": _TRY},
        "/callbacks/{token}/{rest}": {"parameters": [_TOKEN, _REST], "post": post, "get": get},
    }


def _narrow(model: type[Model], members: Mapping[str, Schema]) -> Schema:
    """Return the model's schema with further restrictions on required members."""
    if not members:
        return {"allOf": [ref(model.__name__)]}
    restriction = {"type": "object", "required": sorted(members), "properties": dict(members)}
    return {"allOf": [ref(model.__name__), restriction]}


def _family_schema(family: Family) -> Schema:
    keys = [key for _, key in family.subjects]
    subjects = [{"required": [key], "properties": {key: _NAME}} for key in keys]
    has_status = all(kind == family.name for kind, _ in family.subjects)
    return {**_narrow(model_of(family.name, ""), {"status": _NAME} if has_status else {}), "anyOf": subjects}


def _success(model: str) -> dict[str, Any]:
    return {"description": "Done.", "content": {JSON_TYPE: {"schema": ref(model)}}}


_TOKEN = {
    "name": "token",
    "in": "path",
    "required": True,
    "description": "A token of scope `callback`; part of the URL that you pass to Tavus.",
    "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]+$"},
}
_REST = {
    "name": "rest",
    "in": "path",
    "required": True,
    "description": "Any path, such as `webhook`. It is neither used, stored nor logged.",
    "schema": {"type": "string"},
}
_TAGS = {
    "name": "tags",
    "in": "query",
    "description": "Any names and values. They are stored as the tags of the event.",
    "style": "form",
    "explode": True,
    "schema": {"type": "object", "additionalProperties": {"type": "string"}},
    "example": {"user": "4711"},
}
_POST = {
    "operationId": "post_callback",
    "summary": "Store a callback; 200 means that it is stored durably.",
    "description": "`duplicate`: it was already stored. `accepted`: it is stored when the store is available "
    "again. `erased`: it is dropped, because its subject was erased.",
    "security": [],
    "parameters": [_TAGS],
    "requestBody": {"required": True, "content": {JSON_TYPE: {"schema": ref("Callback")}}},
    "responses": {
        "200": _success("Receipt"),
        **response_refs(
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
    "summary": "Return whether the token is valid, so that you can try a URL in a browser.",
    "security": [],
    "responses": {
        "200": _success("Ready"),
        **response_refs(status_401="UnknownToken", status_404="NoSuchPath"),
    },
}
