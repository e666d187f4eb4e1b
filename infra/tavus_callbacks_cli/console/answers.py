"""Answers of the console: files, JSON and problems, all with the headers that protect a page."""

import json
from typing import Any

from tavus_callbacks_cli.local_stack.http.payload import Answer

# Every answer has these, whatever it is.
_HEADERS = (
    ("cache-control", "no-store"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", ""),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
)
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "media-src {media}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'"
)


def content_policy(cdn_url: str | None) -> str:
    """Return the Content-Security-Policy of a page that plays media of the CDN only."""
    return _POLICY.format(media=cdn_url or "'none'")


def answer(status: int, content_type: str, body: bytes, *headers: tuple[str, str]) -> Answer:
    """Return an answer with the headers that every answer has."""
    return Answer(status, (("content-type", content_type), *_HEADERS, *headers), body)


def json_answer(status: int, content: Any, *headers: tuple[str, str]) -> Answer:
    """Return JSON."""
    return answer(status, "application/json", json.dumps(content).encode(), *headers)


def problem(status: int, title: str, detail: str) -> Answer:
    """Return a problem as the read API does (RFC 9457)."""
    content = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return answer(status, "application/problem+json", json.dumps(content).encode())
