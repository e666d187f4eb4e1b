"""The whole OpenAPI 3.1 document, in a stable order."""

import json
from typing import Any

from tavus_callbacks import VERSION
from tavus_callbacks_cli.openapi.callbacks import callback_path, callback_schemas
from tavus_callbacks_cli.openapi.operations import read_paths
from tavus_callbacks_cli.openapi.responses import RESPONSES
from tavus_callbacks_cli.openapi.schemas import answer_schemas

_ABOUT = """Receives, stores and returns Tavus callbacks. Not an official product of Tavus.

Answers are JSON, errors `application/problem+json` (RFC 9457). API Gateway's own errors are \
`{"message": …}`: 404 for an unknown path or method, 413, 429, 500, 503. Times are ISO 8601 in UTC, \
durations are in seconds. Percent-encode ids in paths. Read an id that contains `/` or `?` with \
`/events?kind=…&subject=…`, because API Gateway decodes paths."""

_SECURITY_SCHEMES = {
    "read": {"type": "http", "scheme": "bearer", "description": "A token of scope `read`."},
    "quarantine": {"type": "http", "scheme": "bearer", "description": "A token of scope `quarantine`."},
}


def text() -> str:
    """Return the document as stored and served."""
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"


def document() -> dict[str, Any]:
    """Return the document of every route of the API."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "tavus-callbacks",
            "version": VERSION,
            "description": _ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {**callback_path(), **read_paths()},
        "components": {
            "schemas": {**answer_schemas(), **callback_schemas()},
            "responses": RESPONSES,
            "securitySchemes": _SECURITY_SCHEMES,
        },
    }
