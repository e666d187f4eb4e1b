"""Passes requests of the page on to the read API of the target, with the credentials that the target has."""

import contextlib
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import click
import httpx

from tavus_callbacks.domain.common.token import Scope
from tavus_callbacks_cli.console.answers import answer, problem
from tavus_callbacks_cli.local_stack.http.payload import Answer

if TYPE_CHECKING:
    from tavus_callbacks_cli.targets.api_client import ApiClient
    from tavus_callbacks_cli.targets.choose import Target

_UNAUTHORIZED = 401
_PASSED_ON = ("retry-after",)


@dataclass
class ReadApi:
    """The read API of a target; any thread may call it."""

    target: "Target"
    cleanup: contextlib.ExitStack
    _clients: "dict[Scope, ApiClient]" = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, path: str, query: str) -> Answer:
        """Return what the API answers, or a problem if it cannot be asked."""
        try:
            client = self._client("quarantine" if path.split("/")[1] == "quarantine" else "read")
            response = client.http.get(f"{path}?{query}" if query else path)
        except click.ClickException as error:
            return problem(502, "No access", error.message)
        except httpx.TransportError as error:
            return problem(502, "No answer", f"No answer ({type(error).__name__}). {client.if_unreachable}")
        if response.status_code == _UNAUTHORIZED:
            return problem(401, "Token refused", client.if_refused)
        headers = [(name, response.headers[name]) for name in _PASSED_ON if name in response.headers]
        content_type = response.headers.get("content-type", "application/octet-stream")
        return answer(response.status_code, content_type, response.content, *headers)

    def _client(self, scope: Scope) -> "ApiClient":
        with self._lock:
            if scope not in self._clients:
                self._clients[scope] = self.cleanup.enter_context(self.target.open_api(scope))
            return self._clients[scope]
