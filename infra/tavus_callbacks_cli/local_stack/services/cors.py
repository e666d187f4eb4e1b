"""S3's answer to a preflight, from the CORS rules of the bucket; moto allows every method and header.

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
    Response,
    bucket_and_key,
    xml_response,
)

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

ORIGIN, METHOD, HEADERS = "origin", "access-control-request-method", "access-control-request-headers"


@dataclass(frozen=True)
class CorsRule:
    """A CORS rule of a bucket; browsers may cache the answer for `seconds`."""

    origins: Sequence[str]
    methods: Sequence[str]
    headers: Sequence[str] = ()
    exposed: Sequence[str] = ()
    seconds: int | None = None

    def allows(self, preflight: Mapping[str, str]) -> bool:
        """Tell whether the rule allows the origin, the method and every header of a preflight."""
        names = [name.strip().lower() for name in preflight[HEADERS].split(",") if name.strip()]
        patterns = [name.lower() for name in self.headers]
        return (
            matches_any(preflight[ORIGIN], self.origins)
            and preflight[METHOD] in self.methods
            and all(matches_any(name, patterns) for name in names)
        )


def answer_preflights(
    application: "WSGIApplication", rules_of: Callable[[str], Sequence[CorsRule]]
) -> "WSGIApplication":
    """Wrap an S3: the rules of its bucket answer the OPTIONS request of an object."""

    def answering(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        bucket, key = bucket_and_key(environ)
        if environ["REQUEST_METHOD"] != "OPTIONS" or not key:
            return application(environ, start_response)
        preflight = {
            name: environ.get(f"HTTP_{name.upper().replace('-', '_')}", "")
            for name in (ORIGIN, METHOD, HEADERS)
        }
        return answer_preflight(rules_of(bucket), preflight).send(start_response)

    return answering


def answer_preflight(rules: Sequence[CorsRule], preflight: Mapping[str, str]) -> Response:
    """Answer a preflight by the first rule that allows it; `preflight` has its headers, empty if not sent."""
    if not preflight[ORIGIN] or not preflight[METHOD]:
        return _refusal(BAD_REQUEST, "BadRequest", "Insufficient information. Origin request header needed.")
    if not rules:
        return _refusal(FORBIDDEN, "AccessForbidden", "CORSResponse: CORS is not enabled for this bucket.")
    rule = next((rule for rule in rules if rule.allows(preflight)), None)
    if rule is None:
        return _refusal(FORBIDDEN, "AccessForbidden", "CORSResponse: This CORS request is not allowed.")
    return Response(OK, _headers(rule, preflight), b"")


def matches_any(text: str, patterns: Iterable[str]) -> bool:
    """Tell whether a pattern matches an origin or header name; `*` in a pattern stands for any text."""
    return any(fnmatchcase(text, pattern) for pattern in patterns)


def _headers(rule: CorsRule, preflight: Mapping[str, str]) -> list[tuple[str, str]]:
    is_for_all = "*" in rule.origins
    values = {
        "access-control-allow-origin": "*" if is_for_all else preflight[ORIGIN],
        "access-control-allow-methods": ", ".join(rule.methods),
        "access-control-allow-headers": preflight[HEADERS].lower(),
        "access-control-expose-headers": ", ".join(rule.exposed),
        "access-control-max-age": "" if rule.seconds is None else str(rule.seconds),
        "access-control-allow-credentials": "" if is_for_all else "true",
        "vary": "Origin, Access-Control-Request-Headers, Access-Control-Request-Method",
        "content-length": "0",
    }
    return [(name, value) for name, value in values.items() if value]


def _refusal(status: str, code: str, message: str) -> Response:
    return xml_response(status, f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode())
