"""What S3 says to a preflight, by the CORS rules of the bucket; moto allows every method and header.

Source: "Testing CORS" and "Elements of a CORS configuration" of the S3 documentation.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from tavus_callbacks_cli.local_stack.services.wsgi import (
    BAD_REQUEST,
    FORBIDDEN,
    OK,
    Answered,
    bucket_and_key,
)

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

ORIGIN, METHOD, HEADERS = "origin", "access-control-request-method", "access-control-request-headers"

_NOT_ALLOWED = "CORSResponse: This CORS request is not allowed."


@dataclass(frozen=True)
class Rule:
    """A rule of a bucket; `seconds` is how long a browser may keep the answer."""

    origins: Sequence[str]
    methods: Sequence[str]
    headers: Sequence[str] = ()
    exposed: Sequence[str] = ()
    seconds: int | None = None


RulesOf = Callable[[str], Sequence[Rule]]


def preflights(application: "WSGIApplication", rules_of: RulesOf) -> "WSGIApplication":
    """Wrap an S3: OPTIONS of an object is answered by the rules of its bucket."""

    def answering(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        bucket, key = bucket_and_key(environ)
        if environ["REQUEST_METHOD"] != "OPTIONS" or not key:
            return application(environ, start_response)
        asked = {name: environ.get(_variable(name), "") for name in (ORIGIN, METHOD, HEADERS)}
        return answer(rules_of(bucket), asked).send(start_response)

    return answering


def answer(rules: Sequence[Rule], asked: Mapping[str, str]) -> Answered:
    """Answer a preflight by the first rule that allows it; `asked` has its headers, empty where not sent."""
    if not asked[ORIGIN] or not asked[METHOD]:
        return _refusal(BAD_REQUEST, "BadRequest", "Insufficient information. Origin request header needed.")
    if not rules:
        return _refusal(FORBIDDEN, "AccessForbidden", "CORSResponse: CORS is not enabled for this bucket.")
    rule = next((one for one in rules if _allows(one, asked)), None)
    if rule is None:
        return _refusal(FORBIDDEN, "AccessForbidden", _NOT_ALLOWED)
    return Answered(OK, _headers(rule, asked), b"")


def is_among(origin: str, patterns: Iterable[str]) -> bool:
    """Tell whether an origin is allowed; `*` in a pattern stands for any text."""
    return any(fnmatchcase(origin, pattern) for pattern in patterns)


def _allows(rule: Rule, asked: Mapping[str, str]) -> bool:
    names = [name.strip().lower() for name in asked[HEADERS].split(",") if name.strip()]
    allowed = [name.lower() for name in rule.headers]
    return (
        is_among(asked[ORIGIN], rule.origins)
        and asked[METHOD] in rule.methods
        and all(is_among(name, allowed) for name in names)
    )


def _headers(rule: Rule, asked: Mapping[str, str]) -> list[tuple[str, str]]:
    is_for_all = "*" in rule.origins
    values = {
        "access-control-allow-origin": "*" if is_for_all else asked[ORIGIN],
        "access-control-allow-methods": ", ".join(rule.methods),
        "access-control-allow-headers": asked[HEADERS].lower(),
        "access-control-expose-headers": ", ".join(rule.exposed),
        "access-control-max-age": "" if rule.seconds is None else str(rule.seconds),
        "access-control-allow-credentials": "" if is_for_all else "true",
        "vary": "Origin, Access-Control-Request-Headers, Access-Control-Request-Method",
        "content-length": "0",
    }
    return [(name, value) for name, value in values.items() if value]


def _variable(name: str) -> str:
    return f"HTTP_{name.upper().replace('-', '_')}"


def _refusal(status: str, code: str, message: str) -> Answered:
    body = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()
    return Answered(status, [("content-type", "application/xml"), ("content-length", str(len(body)))], body)
