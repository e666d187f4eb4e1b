"""Responses that many routes share: our problems, and API Gateway's own answers."""

from typing import Any

from tavus_callbacks.runtime.http import JSON_TYPE, PROBLEM_TYPE, RETRY_AFTER

Response = dict[str, Any]

_PROBLEM = {PROBLEM_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
_MESSAGE = {JSON_TYPE: {"schema": {"$ref": "#/components/schemas/GatewayMessage"}}}
_RETRY_AFTER = {
    "Retry-After": {
        "description": "Seconds after which to try again.",
        "schema": {"type": "string", "const": RETRY_AFTER},
    }
}
_CHALLENGE = {"WWW-Authenticate": {"schema": {"type": "string", "const": "Bearer"}}}

# By name.
RESPONSES: dict[str, Response] = {
    "BadRequest": {"description": "A query parameter is wrong.", "content": _PROBLEM},
    "Unauthorized": {
        "description": "No valid token of the right scope; the answer never says which.",
        "content": _PROBLEM,
        "headers": _CHALLENGE,
    },
    "UnknownToken": {"description": "No valid token of scope `callback`.", "content": _PROBLEM},
    "NotFound": {
        "description": "Nothing of that name is kept; or, from the gateway, no such path.",
        "content": {**_PROBLEM, **_MESSAGE},
    },
    "NoSuchPath": {"description": "No such path; from the gateway.", "content": _MESSAGE},
    "Conflict": {
        "description": "It is there, and not in the form that was asked for, or too large to answer.",
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
    "TooLarge": {"description": "Larger than the gateway's event of 6 MiB.", "content": _MESSAGE},
    "TooManyRequests": {"description": "Above the throttle; from the gateway.", "content": _MESSAGE},
    "Failed": {"description": "A function failed; from the gateway.", "content": _MESSAGE},
    "Unavailable": {
        "description": "The store does not answer; or, from the gateway, a function took too long.",
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
