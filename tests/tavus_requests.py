"""Requests to Tavus, checked against the members that Tavus documents."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jsonschema import Draft202012Validator

HOST = "tavusapi.com"

SCHEMA = json.loads(Path(__file__).with_name("tavus_requests.schema.json").read_text(encoding="utf-8"))
VALIDATOR = Draft202012Validator(SCHEMA)


def validate(path: str, body: Any) -> None:
    """Check the body of a POST; raises jsonschema.ValidationError naming the member at fault."""
    VALIDATOR.validate({f"POST {path}": body})


def request_of(curl: list[str]) -> tuple[str, Any] | None:
    """Return the path and body that a curl command posts to Tavus, or None if it posts nothing there."""
    url = next((word for word in curl if urlsplit(word).hostname == HOST), None)
    if url is None or "-d" not in curl:
        return None
    return urlsplit(url).path, json.loads(curl[curl.index("-d") + 1])
