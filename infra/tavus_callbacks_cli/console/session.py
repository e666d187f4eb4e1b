"""The guard of the console: a key in the printed address, exchanged for a cookie.

The key is in the fragment, which browsers do not send. The page posts it once and removes it from its
address.
"""

import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Any

from tavus_callbacks_cli.console.answers import json_answer, problem
from tavus_callbacks_cli.local_stack.http.hosts import is_from_proxy
from tavus_callbacks_cli.local_stack.http.payload import Answer, Request

# Fetch Metadata: "none" is an address that a person types.
_OWN_SITES = ("same-origin", "none")


@dataclass(frozen=True, slots=True)
class Session:
    """The key of a console, its port, and what to do without a cookie."""

    port: int
    key: str
    again: str

    @property
    def address(self) -> str:
        """Return the address that signs in."""
        return f"http://127.0.0.1:{self.port}/#key={self.key}"

    def refuse_host(self, request: Request) -> Answer | None:
        """Return the refusal of a request for another host, or through a proxy."""
        hosts = [f"{host}:{self.port}" for host in ("127.0.0.1", "localhost")]
        if header(request, b"host") in hosts and not is_from_proxy(request):
            return None
        addresses = " or ".join(f"http://{host}/" for host in hosts)
        return problem(421, "Misdirected request", f"Open {addresses} on the machine of the console.")

    def refuse_site(self, request: Request) -> Answer | None:
        """Return the refusal of a request that a page of another origin makes."""
        is_own = header(request, b"sec-fetch-site") in _OWN_SITES
        if request.method == "POST":
            is_own &= header(request, b"origin") == f"http://{header(request, b'host')}"
        if is_own:
            return None
        detail = "Only pages of this console may ask. Open them in a current browser."
        return problem(403, "Request of another site", detail)

    def refuse_stranger(self, request: Request) -> Answer | None:
        """Return the refusal of a request without the cookie."""
        cookies = (each.strip().partition("=") for each in (header(request, b"cookie") or "").split(";"))
        values = [value for name, _, value in cookies if name == self._cookie_name]
        if any(hmac.compare_digest(value.encode(), self._cookie_value.encode()) for value in values):
            return None
        return problem(401, "Not signed in", self.again)

    def sign_in(self, request: Request) -> Answer:
        """Answer the key with a cookie that names the port: browsers send cookies to every port of a host."""
        key = (parse_object(request.body) or {}).get("key")
        if not (
            isinstance(key, str) and hmac.compare_digest(key.encode("utf-8", "replace"), self.key.encode())
        ):
            return problem(401, "Wrong key", f"This key does not open this console. {self.again}")
        cookie = ("set-cookie", f"{self.cookie}; Path=/console/; HttpOnly; SameSite=Strict")
        return json_answer(200, {"signed_in": True}, cookie)

    @property
    def cookie(self) -> str:
        """Return the cookie of somebody who is signed in; it stays the same as long as the key does."""
        return f"{self._cookie_name}={self._cookie_value}"

    @property
    def _cookie_name(self) -> str:
        return f"tavus-callbacks-{self.port}"

    @property
    def _cookie_value(self) -> str:
        return hashlib.sha256(f"cookie {self.key}".encode()).hexdigest()


def header(request: Request, name: bytes) -> str | None:
    """Return the value of a request's header, or None without it or if it is repeated."""
    values = [value for each, value in request.headers if each.lower() == name]
    return values[0].decode("latin-1") if len(values) == 1 else None


def parse_object(body: bytes) -> dict[str, Any] | None:
    """Return the JSON object of a body, or None if it is something else."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None
