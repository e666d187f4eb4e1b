"""The read API of a target, for the page: requests are passed on with the credentials that the target has."""

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import click
import httpx

from tavus_callbacks.domain.common.token import Scope
from tavus_callbacks_cli.console.answers import problem
from tavus_callbacks_cli.console.session import parse_object
from tavus_callbacks_cli.local_stack.http.payload import Answer
from tavus_callbacks_cli.targets.urls import is_loopback

if TYPE_CHECKING:
    import contextlib
    from collections.abc import Mapping

    from tavus_callbacks_cli.targets.api_client import ApiClient
    from tavus_callbacks_cli.targets.choose import Target

_OK, _UNAUTHORIZED, _NOT_FOUND = 200, 401, 404
# Segments as RFC 3986 writes them, none of them empty.
_PATH = re.compile(r"(?:/(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})+)+")
_TEXT = re.compile(r"[\x21-\x7e]*")
_HOST = re.compile(r"[a-z0-9.-]+(?::[0-9]{1,5})?")
# The browser never runs or shows another type in the page's origin.
_TYPES = (
    "application/json",
    "application/problem+json",
    "text/plain; charset=utf-8",
    "text/vtt; charset=utf-8",
)
_BINARY = "application/octet-stream"
# Seconds that the page waits for an API that does not answer.
_PAGE_PATIENCE = 5


@dataclass
class ReadApi:
    """The API of a target by the scope that a request needs, or why there is no access; thread-safe."""

    clients: "Mapping[Scope, ApiClient | click.ClickException]"
    _cdn: list[str | None] = field(default_factory=list)

    def client(self, scope: Scope) -> "ApiClient":
        """Return a client; raises click.ClickException without access."""
        client = self.clients[scope]
        if isinstance(client, click.ClickException):
            raise client
        return client

    def get(self, path: str, query: str) -> Answer:
        """Return what the API answers, or a problem if it cannot be asked."""
        if not is_api_path(path) or not _TEXT.fullmatch(query):
            return problem(404, "Not found", "The read API has no such path. An id in it is percent-encoded.")
        client = self.clients["quarantine" if path.split("/")[1] == "quarantine" else "read"]
        if isinstance(client, click.ClickException):
            return problem(401, "No access", client.message)
        try:
            response = _ask(client, path, query)
        except click.ClickException as error:
            return problem(502, "No answer", error.message)
        return self._answer(client, response)

    def cdn_origin(self) -> str | None:
        """Return the origin of recordings, None without recordings; an answer is remembered."""
        if not self._cdn:
            try:
                response = _ask(self.client("read"), "/stack", "", _PAGE_PATIENCE)
            except click.ClickException:
                return None  # the page shows why with its first request
            if response.status_code not in (_OK, _NOT_FOUND):
                return None
            url = (parse_object(response.content) or {}).get("cdn_url")
            self._cdn.append(media_origin(url) if isinstance(url, str) else None)
        return self._cdn[0]

    def _answer(self, client: "ApiClient", response: httpx.Response) -> Answer:
        if response.status_code == _UNAUTHORIZED:
            return problem(401, "Token refused", client.if_refused)
        if response.has_redirect_location:
            return self._redirect(response.headers["location"])
        return _pass_on(response)

    def _redirect(self, location: str) -> Answer:
        """Lead the browser to a signed link, which it follows without any of our credentials."""
        origin = media_origin(location)
        if origin and (origin.startswith("https:") or origin == self.cdn_origin()):
            return Answer(302, (("location", location),), b"")
        return problem(502, "Redirect refused", "The API leads to an address that is not https.")


def open_read_api(target: "Target", cleanup: "contextlib.ExitStack") -> ReadApi:
    """Open the API of a target; raises click.ClickException without access to what `read` covers."""
    clients: dict[Scope, ApiClient | click.ClickException] = {
        "read": cleanup.enter_context(target.open_api("read"))
    }
    try:
        clients["quarantine"] = cleanup.enter_context(target.open_api("quarantine"))
    except click.UsageError as error:
        clients["quarantine"] = error
    return ReadApi(clients)


def is_api_path(path: str) -> bool:
    """Tell whether a path stays below the API's address, however its server decodes it."""
    segments = [unquote(segment) for segment in path.split("/")]
    is_odd = any(segment in (".", "..") or set(segment) & set("/\\\0\r\n") for segment in segments)
    return bool(_PATH.fullmatch(path)) and not is_odd


def media_origin(url: str) -> str | None:
    """Return the origin of an https URL, or of http on this machine; None if a header cannot hold it."""
    if not _TEXT.fullmatch(url):
        return None
    try:
        parts = urlsplit(url)
        is_allowed = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(url))
    except ValueError:
        return None
    host = parts.netloc.lower()
    return f"{parts.scheme}://{host}" if is_allowed and _HOST.fullmatch(host) else None


def _ask(client: "ApiClient", path: str, query: str, patience: float | None = None) -> httpx.Response:
    """Send a request to the API's address only, because it carries the token; raises click.ClickException."""
    base = client.http.base_url
    raw_path = base.raw_path.rstrip(b"/") + path.encode() + (f"?{query}".encode() if query else b"")
    try:
        timeout = patience or client.http.timeout
        return client.http.get(base.copy_with(raw_path=raw_path), follow_redirects=False, timeout=timeout)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        reason = f"No answer ({type(error).__name__}). {client.if_unreachable}"
        raise click.ClickException(reason) from error


def _pass_on(response: httpx.Response) -> Answer:
    content_type = response.headers.get("content-type", "").lower()
    if content_type not in _TYPES:
        content_type = _BINARY
    headers = [("content-type", content_type)]
    if re.fullmatch("[0-9]{1,6}", retry_after := response.headers.get("retry-after", "")):
        headers.append(("retry-after", retry_after))
    return Answer(response.status_code, tuple(headers), response.content)
