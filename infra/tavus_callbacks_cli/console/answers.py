"""Answers of the console, and the headers that protect a page."""

import json
from dataclasses import replace
from typing import Any, TypeVar

from tavus_callbacks_cli.local_stack.http.payload import Answer, Stream

_HEADERS = (
    ("cache-control", "no-store"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    (
        "permissions-policy",
        "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
)
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "media-src {media}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'"
)

AnyAnswer = TypeVar("AnyAnswer", bound=Answer | Stream)


def protect(answer: AnyAnswer, media: str | None = None) -> AnyAnswer:
    """Add the headers that every answer has; a page plays media of one origin, or none."""
    policy = ("content-security-policy", _POLICY.format(media=media or "'none'"))
    return replace(answer, headers=(*answer.headers, *_HEADERS, policy))


def json_answer(status: int, content: Any, *headers: tuple[str, str]) -> Answer:
    """Return JSON."""
    return Answer(status, (("content-type", "application/json"), *headers), json.dumps(content).encode())


def problem(status: int, title: str, detail: str, *headers: tuple[str, str]) -> Answer:
    """Return a problem as the read API does (RFC 9457); its detail says what to do."""
    content = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    kind = ("content-type", "application/problem+json")
    return Answer(status, (kind, *headers), json.dumps(content).encode())
