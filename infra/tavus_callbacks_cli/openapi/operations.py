"""The read side's routes as operations, from their own declarations."""

import re
from itertools import chain
from typing import Any

from tavus_callbacks.api import openapi
from tavus_callbacks.api.all_routes import ALL_ROUTES, scope_of
from tavus_callbacks.api.query import Parameter
from tavus_callbacks.api.routing import Operation
from tavus_callbacks.runtime.http import JSON_TYPE
from tavus_callbacks_cli.openapi.responses import answers_of

_NAME = re.compile(r"<(\w+)>")
_NAMES = {
    "conversation_id": "A conversation, as Tavus names it.",
    "video_id": "A video, as Tavus names it.",
    "replica_id": "A replica, as Tavus names it.",
    "event_id": "An event or a variant of one, as a list of events names it.",
    "quarantine_id": "A body, as the answer that refused it and the list of quarantine name it.",
    "recording_id": "A recording, as the list of recordings names it, or `latest`.",
}
_PROBLEMS = {404: "NotFound", 409: "Conflict"}


def operations() -> list[Operation]:
    """Return all routes of the read side."""
    return list(chain.from_iterable(routes.operations for routes in ALL_ROUTES))


def described() -> dict[str, Any]:
    """Describe the read side by path."""
    return {_NAME.sub(r"{\1}", one.path): {"get": _operation(one)} for one in operations()}


def _operation(one: Operation) -> dict[str, Any]:
    summary, _, more = str(one.function.__doc__).partition("\n\n")
    is_public = one.path == openapi.PATH
    described = {
        "operationId": one.function.__name__,
        "summary": summary,
        "description": " ".join(more.split()),
        "security": [] if is_public else [{scope_of(one.path): []}],
        "parameters": [*map(_path_parameter, _NAME.findall(one.path)), *map(_query_parameter, one.query)],
        "responses": {**_successes(one), **_failures(one, is_public=is_public)},
    }
    return {name: value for name, value in described.items() if value or name == "security"}


def _path_parameter(name: str) -> dict[str, Any]:
    schema = {"type": "string", "pattern": "^[A-Za-z0-9._~-]+$"}
    return {"name": name, "in": "path", "required": True, "description": _NAMES[name], "schema": schema}


def _query_parameter(one: Parameter[Any]) -> dict[str, Any]:
    return {"name": one.name, "in": "query", "description": one.description, "schema": dict(one.schema)}


def _successes(one: Operation) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{one.model}"} if one.model else {"type": "object"}
    json = {JSON_TYPE: {"schema": schema}} if one.model or not one.media else {}
    texts = {media.partition(";")[0]: {"schema": {"type": "string"}} for media in one.media}
    found: dict[str, Any] = {"200": {"description": "Found.", "content": {**json, **texts}}}
    if one.redirects:
        link = {"Location": {"required": True, "schema": {"type": "string", "format": "uri"}}}
        found["302"] = {"description": "The link that plays it, until it expires.", "headers": link}
    return found


def _failures(one: Operation, *, is_public: bool) -> dict[str, Any]:
    statuses = {f"status_{status}": _PROBLEMS[status] for status in one.problems}
    if one.query:
        statuses["status_400"] = "BadRequest"
    if not is_public:
        # Whatever is kept can be more than one answer holds.
        statuses |= {"status_401": "Unauthorized", "status_409": "Conflict"}
    return answers_of(**statuses)
