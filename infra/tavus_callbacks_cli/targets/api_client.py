"""Reading from the API: one way for all targets. An error says what to do next."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from ssl import PROTOCOL_TLS_CLIENT, SSLContext
from typing import Any

import click
import httpx

from tavus_callbacks.domain.common.retry_after import parse_retry_after
from tavus_callbacks.domain.common.timestamps import now
from tavus_callbacks_cli.output import shell
from tavus_callbacks_cli.output.console import note_if_slow
from tavus_callbacks_cli.output.text import escape
from tavus_callbacks_cli.targets.urls import is_loopback

# Seconds; the read function itself may take 25.
_TIMEOUT = 30

_PAGE = "200"

_BAD_REQUEST, _UNAUTHORIZED, _NOT_FOUND, _CONFLICT, _TOO_MANY, _FAILED = 400, 401, 404, 409, 429, 500


class Unavailable(click.ClickException):
    """There is no answer for now. The same request may succeed later.

    `retry_after` is how many seconds the answer asks to wait, None if it names none. `status` is that of the
    answer, None if nothing answered.
    """

    def __init__(self, message: str, *, status: int | None = None, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.status, self.retry_after = status, retry_after


class BadRequest(click.ClickException):
    """The API does not accept a parameter, such as a cursor that it did not make."""


class NotFound(click.ClickException):
    """Nothing of that name is stored."""


class NoSuchPath(click.ClickException):
    """The stack has no such path. It may be of an earlier version."""


class Conflict(click.ClickException):
    """It is stored, but its state does not allow this answer."""


@dataclass(frozen=True, slots=True)
class ApiClient:
    """The API of a target.

    `if_refused` and `if_unreachable` say what to do if it answers 401 or not at all. `options` name the
    target to a command.
    """

    http: httpx.Client
    if_refused: str
    if_unreachable: str
    options: tuple[str, ...] = ()

    def command(self, words: str, *ids: str, options: Iterable[str] = ()) -> str:
        """Return a command of ours that works on the same target, to paste into a shell."""
        return shell.command(words, *ids, options=(*options, *self.options))

    def get(self, path: str, params: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Return the JSON object of an answer.

        Raises Unavailable, NotFound, or another click.ClickException, each with what to do next.
        """
        response = self._request(path, params)
        content = _json_object(response)
        if content is None:
            raise self._error(response, {})
        return content

    def text(self, path: str, params: Mapping[str, str] | None = None) -> str:
        """Return an answer that is text; raises as `get` does."""
        return self._request(path, params).text

    def content(self, path: str) -> bytes:
        """Return the bytes of an answer; raises as `get` does."""
        return self._request(path).content

    def pages(self, path: str, params: Mapping[str, str] | None = None) -> Iterator[dict[str, Any]]:
        """Yield the pages of a list, to the last."""
        cursor: dict[str, str] = {}
        while True:
            page = self.get(path, {"limit": _PAGE, **(params or {}), **cursor})
            yield page
            if not page.get("cursor"):
                return
            cursor = {"cursor": page["cursor"]}

    def items(self, path: str, params: Mapping[str, str] | None = None) -> Iterator[dict[str, Any]]:
        """Yield the items of a list; the last part of its path is the name of the member that holds them."""
        for page in self.pages(path, params):
            items = page.get(path.rpartition("/")[2])
            if not isinstance(items, list):
                raise click.ClickException(
                    f"The answer is not from a tavus-callbacks API. {self.if_unreachable}"
                )
            yield from items

    def events_since(self, time: str) -> Iterator[dict[str, Any]]:
        """Yield the events that were received since a time, in order of receipt, until there are no more."""
        page = self.get("/events", {"after": time, "limit": _PAGE})
        while page["events"]:
            yield from page["events"]
            page = self.get("/events", {"after": page["cursor"], "limit": _PAGE})

    def _request(self, path: str, params: Mapping[str, str] | None = None) -> httpx.Response:
        try:
            with note_if_slow("Waiting for the API to answer …"):
                response = self.http.get(path, params=params)
        except (httpx.TransportError, httpx.DecodingError) as error:
            reason = escape(str(error)) or type(error).__name__
            raise Unavailable(f"No answer ({reason}). {self.if_unreachable}") from error
        if not response.is_success:
            raise self._error(response, _json_object(response) or {})
        return response

    def _error(self, response: httpx.Response, content: dict[str, Any]) -> click.ClickException:
        status = response.status_code
        detail = escape(str(content.get("detail") or content.get("message") or "no reason given"))
        if status == _UNAUTHORIZED:
            return click.ClickException(self.if_refused)
        if status == _TOO_MANY or status >= _FAILED:
            return Unavailable(
                f"The API answered {status}: {detail}. Try again in a moment.",
                status=status,
                retry_after=parse_retry_after(response.headers.get("retry-after"), now()),
            )
        if status == _NOT_FOUND and "detail" in content:
            return NotFound(detail)
        if not content or status == _NOT_FOUND:
            kind = NoSuchPath if status == _NOT_FOUND else click.ClickException
            return kind(f"The answer {status} is not from a tavus-callbacks API. {self.if_unreachable}")
        kinds = {_BAD_REQUEST: BadRequest, _CONFLICT: Conflict}
        return kinds.get(status, click.ClickException)(f"The API answered {status}: {detail}")


def _json_object(response: httpx.Response) -> dict[str, Any] | None:
    try:
        content = response.json()
    # Brackets within brackets, thousands deep, are JSON and no answer of ours.
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def http_client(url: str, token: str | None = None) -> httpx.Client:
    """Return a client for a URL and everything below it, with a bearer token if one is given."""
    headers = {"authorization": f"Bearer {token}"} if token else None
    # A proxy of the environment cannot reach this machine's loopback.
    trust_env = not is_loopback(url)
    with environment_errors():
        # Plain HTTP needs no authorities, which take 28 ms to read.
        is_https = url.lower().startswith("https:")
        verify = tls_context(trust_env=trust_env) if is_https else SSLContext(PROTOCOL_TLS_CLIENT)
        return httpx.Client(
            base_url=url, headers=headers, timeout=_TIMEOUT, verify=verify, trust_env=trust_env
        )


@contextmanager
def environment_errors() -> Iterator[None]:
    """Turn a proxy or certificates of the environment that httpx cannot use into click.ClickException."""
    try:
        yield
    except (ImportError, ValueError, OSError, httpx.InvalidURL) as error:
        raise click.ClickException(
            f"The proxy or the certificates of your environment cannot be used: {escape(str(error))} "
            "Check ALL_PROXY, HTTPS_PROXY, HTTP_PROXY, NO_PROXY, SSL_CERT_FILE and SSL_CERT_DIR."
        ) from error


@cache
def tls_context(*, trust_env: bool) -> SSLContext:
    """Return the authorities that httpx trusts. All clients share them, because they take 28 ms to read."""
    return httpx.create_ssl_context(trust_env=trust_env)
