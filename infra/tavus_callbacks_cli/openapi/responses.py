"""Responses that many routes share: our problems, and API Gateway's own answers."""

from typing import Any

from tavus_callbacks.runtime.http import JSON_TYPE, PROBLEM_TYPE, RETRY_AFTER

Response = dict[str, Any]

_PROBLEM = {PROBLEM_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
_MESSAGE = {JSON_TYPE: {"schema": {"$ref": "#/components/schemas/GatewayMessage"}}}
_RETRY_AFTER = {
    "Retry-After": {
        "description": "Seconds to wait before you try again.",
        "schema": {"type": "string", "const": RETRY_AFTER},
    }
}
_CHALLENGE = {"WWW-Authenticate": {"schema": {"type": "string", "const": "Bearer"}}}

# By name.
RESPONSES: dict[str, Response] = {
    "BadRequest": {"description": "A query parameter is wrong.", "content": _PROBLEM},
    "Unauthorized": {
        "description": "No valid token of the right scope. The answer does not say what is wrong with it.",
        "content": _PROBLEM,
        "headers": _CHALLENGE,
    },
    "UnknownToken": {"description": "No valid token of scope `callback`.", "content": _PROBLEM},
    "NotFound": {
        "description": "Nothing is stored under this id; or, from API Gateway, there is no such path.",
        "content": {**_PROBLEM, **_MESSAGE},
    },
    "NoSuchPath": {"description": "There is no such path; from API Gateway.", "content": _MESSAGE},
    "Conflict": {
        "description": "It exists, but is too large to return, or not available in the requested format.",
        "content": _PROBLEM,
    },
    "NotAnObject": {
        "description": "The body is not a JSON object; it is stored under `quarantine_id`.",
        "content": _PROBLEM,
    },
    "Unfileable": {
        "description": "The subject or event type is missing or invalid; see the entry `quarantine_id`.",
        "content": _PROBLEM,
    },
    "TooLarge": {
        "description": "The request is larger than API Gateway's event of 6 MiB.",
        "content": _MESSAGE,
    },
    "TooManyRequests": {"description": "Too many requests; from API Gateway.", "content": _MESSAGE},
    "Failed": {"description": "A function failed; from API Gateway.", "content": _MESSAGE},
    "Unavailable": {
        "description": "The store does not answer; or, from API Gateway, a function took too long.",
        "content": {**_PROBLEM, **_MESSAGE},
        "headers": _RETRY_AFTER,
    },
}


def response_refs(**names: str) -> dict[str, Response]:
    """Return references to responses, given as `status_404="NotFound"`, and to API Gateway's own."""
    always = {"429": "TooManyRequests", "500": "Failed", "503": "Unavailable"}
    statuses = {name.removeprefix("status_"): response for name, response in names.items()}
    names_by_status = sorted({**statuses, **always}.items())
    return {status: {"$ref": f"#/components/responses/{name}"} for status, name in names_by_status}
