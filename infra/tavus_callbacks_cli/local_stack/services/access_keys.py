"""The access keys of one run of the local stack, and the check that every request carries one.

The access key id is the secret: it ends in 128 bits that only this run can compute. Signatures are not
verified, so a leaked id (in a presigned URL, for example) is enough until the stack stops.
"""

import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from tavus_callbacks_cli.local_stack.account import REGION
from tavus_callbacks_cli.local_stack.loopback import is_loopback
from tavus_callbacks_cli.local_stack.services.wsgi import FORBIDDEN, xml_response

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

PERSON, CDN = "Person", "Cdn"
OWN_PATHS = ("/moto-api/journal", "/moto-api/confirmed", "/moto-api/conduct")

_PREFIX, _DIGITS = "AKIALOCAL", 32
_CREDENTIAL = re.compile(r"Credential=([^/,]+)/")
_ACCESS_DENIED = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"


@dataclass(frozen=True)
class AccessKeys:
    """The access keys of one run, one for each owner, derived from `secret`."""

    secret: str = field(default_factory=lambda: secrets.token_hex(32), repr=False)

    def key_id(self, owner: str) -> str:
        """Return the access key id of a function, of the CDN or of the person."""
        digest = hmac.digest(self.secret.encode(), owner.encode(), "sha256").hex()
        return f"{_PREFIX}{owner}{digest[:_DIGITS]}"

    def owner(self, key_id: str) -> str | None:
        """Return the owner of an access key id, or None if it is not of this run."""
        owner = key_id.removeprefix(_PREFIX)[:-_DIGITS]
        expected = self.key_id(owner).encode()
        return owner if hmac.compare_digest(expected, key_id.encode("utf-8", "replace")) else None


def authorization(key_id: str, service: str) -> str:
    """Return an Authorization header that carries an access key id without a valid signature."""
    scope = f"20000101/{REGION}/{service}/aws4_request"
    return f"AWS4-HMAC-SHA256 Credential={key_id}/{scope}, SignedHeaders=host, Signature=local"


def key_id_of(environ: "WSGIEnvironment") -> str:
    """Return the access key id of a signed request or a presigned URL, or an empty string."""
    header = _CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
    if header:
        return str(header[1])
    query: dict[str, list[str]] = parse_qs(environ.get("QUERY_STRING", ""))
    credentials = query.get("X-Amz-Credential") or query.get("AWSAccessKeyId") or [""]
    return credentials[0].partition("/")[0]


def require_key(application: "WSGIApplication", keys: AccessKeys) -> "WSGIApplication":
    """Wrap the embedded services: a request without a key of this run or with another Host gets 403."""

    def guarded(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if not _is_allowed(environ, keys.owner(key_id_of(environ))):
            return xml_response(FORBIDDEN, _ACCESS_DENIED).send(start_response)

        def start_without_cors(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            others = [each for each in headers if not each[0].lower().startswith("access-control-")]
            return start_response(status, others, *error)

        return application(environ, start_without_cors)

    return guarded


def _is_allowed(environ: "WSGIEnvironment", owner: str | None) -> bool:
    if owner is None or not is_loopback(environ.get("HTTP_HOST", ""), environ["SERVER_PORT"]):
        return False
    path = environ["PATH_INFO"]
    if path.lstrip("/").startswith("moto-api"):
        return path in OWN_PATHS and owner == PERSON
    # Only the CDN sends preflights to S3; browsers have no reason to come here.
    return environ["REQUEST_METHOD"] != "OPTIONS" or owner == CDN
