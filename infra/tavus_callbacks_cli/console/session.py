"""Who may use the console: a key in the printed address, exchanged for a cookie.

The key is in the fragment, which browsers do not send. The page posts it once and removes it from its
address.
"""

import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass, field

from tavus_callbacks_cli.console.answers import json_answer, problem
from tavus_callbacks_cli.local_stack.http.payload import Answer, Request

_SAME_ORIGIN = ("same-origin", "none")


def new_key() -> str:
    """Return a key for one console."""
    return secrets.token_urlsafe(24)


@dataclass(frozen=True, slots=True)
class Session:
    """The key of a console, its port, and what to do when somebody has no cookie."""

    port: int
    again: str
    key: str = field(default_factory=new_key)

    @property
    def address(self) -> str:
        """Return the address to print, once."""
        return f"http://127.0.0.1:{self.port}/#key={self.key}"

    def sign_in(self, request: Request) -> Answer:
        """Answer the key with a cookie that names the port: browsers send cookies to every port of a host."""
        try:
            key = json.loads(request.body)["key"]
        except (ValueError, TypeError, KeyError):
            key = ""
        if not (isinstance(key, str) and hmac.compare_digest(key.encode(), self.key.encode())):
            return problem(401, "Not signed in", f"This key is not the key of this console. {self.again}")
        cookie = f"{self._cookie_name}={self._cookie_value}; Path=/; HttpOnly; SameSite=Strict"
        return json_answer(200, {"signed_in": True}, ("set-cookie", cookie))

    def refusal(self, request: Request) -> Answer | None:
        """Return the refusal of a request that a page elsewhere makes, or that has no cookie; else None."""
        if header(request, b"sec-fetch-site") not in (*_SAME_ORIGIN, None):
            return problem(403, "Refused", "Only pages of this console may ask.")
        cookies = (header(request, b"cookie") or "").split(";")
        values = [
            value
            for name, _, value in (each.strip().partition("=") for each in cookies)
            if name == self._cookie_name
        ]
        if any(hmac.compare_digest(value.encode(), self._cookie_value.encode()) for value in values):
            return None
        return problem(401, "Not signed in", self.again)

    @property
    def _cookie_name(self) -> str:
        return f"tavus-callbacks-{self.port}"

    @property
    def _cookie_value(self) -> str:
        return hashlib.sha256(f"cookie {self.key}".encode()).hexdigest()


def header(request: Request, name: bytes) -> str | None:
    """Return the value of a request's header, or None if there is none or more than one."""
    values = [value for each, value in request.headers if each.lower() == name]
    return values[0].decode("latin-1") if len(values) == 1 else None
