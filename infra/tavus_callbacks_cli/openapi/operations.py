"""The read side's routes as OpenAPI operations, from their own declarations."""

import re
from itertools import chain
from typing import Any

from tavus_callbacks.api.all_routes import ALL_ROUTES, scope_of
from tavus_callbacks.api.routing import Operation
from tavus_callbacks.domain.common.paths import LISTS
from tavus_callbacks.runtime.http import JSON_TYPE
from tavus_callbacks_cli.openapi.responses import response_refs

_NAME = re.compile(r"<(\w+)>")
_PATH_PARAMETERS = {
    **{f"{kind}_id": f"Tavus's id of the {kind}." for kind in LISTS},
    "event_id": "The id of an event or of a variant, from a list of events.",
    "quarantine_id": "The id of a body in quarantine, from the answer to the callback or from the list.",
    "alarm": "The name of an alarm, from its description.",
    "recording_id": "The id of a recording, or `latest`.",
}
_PROBLEMS = {404: "NotFound", 409: "Conflict"}


def operations() -> list[Operation]:
    """Return all routes of the read side."""
    return list(chain.from_iterable(routes.operations for routes in ALL_ROUTES))


def read_paths() -> dict[str, Any]:
    """Return the path items of the read side, by path."""
    return {_NAME.sub(r"{\1}", each.path): {"get": _operation(each)} for each in operations()}


def _operation(operation: Operation) -> dict[str, Any]:
    summary, _, rest = operation.text.partition("\n\n")
    scope = scope_of(operation.path)
    path_parameters = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": _PATH_PARAMETERS[name],
            "schema": {"type": "string", "pattern": "^[^/?]+$"},
        }
        for name in _NAME.findall(operation.path)
    ]
    query_parameters = [
        {"name": each.name, "in": "query", "description": each.description, "schema": dict(each.schema)}
        for each in operation.query
    ]
    members = {
        "operationId": operation.operation_id,
        "summary": summary,
        "description": " ".join(rest.split()),
        "security": [{scope: []}] if scope else [],
        "parameters": [*path_parameters, *query_parameters],
        "responses": _responses(operation, is_public=scope is None),
    }
    return {name: value for name, value in members.items() if value or name == "security"}


def _responses(operation: Operation, *, is_public: bool) -> dict[str, Any]:
    model = operation.model
    schema = {"$ref": f"#/components/schemas/{model}"} if model else {"type": "object"}
    json = {JSON_TYPE: {"schema": schema}} if model or not operation.media else {}
    texts = {media.partition(";")[0]: {"schema": {"type": "string"}} for media in operation.media}
    responses: dict[str, Any] = {"200": {"description": "Found.", "content": {**json, **texts}}}
    if operation.redirects:
        location = {"Location": {"required": True, "schema": {"type": "string", "format": "uri"}}}
        responses["302"] = {
            "description": "A link that plays the recording until it expires.",
            "headers": location,
        }
    statuses = {f"status_{status}": _PROBLEMS[status] for status in operation.problems}
    if operation.query:
        statuses["status_400"] = "BadRequest"
    if not is_public:
        # Stored data can exceed the size of one answer.
        statuses |= {"status_401": "Unauthorized", "status_409": "Conflict"}
    return responses | response_refs(**statuses)
