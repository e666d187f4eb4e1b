"""Asking the read side: one way for all targets, and an answer or a sentence that says what to do next."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click
import httpx

from tavus_callbacks_cli.output import shell
from tavus_callbacks_cli.output.text import escape
from tavus_callbacks_cli.targets.choose import is_near

if TYPE_CHECKING:
    from boto3 import Session

# Seconds; the read function itself may take 25.
_TIMEOUT = 30

_PAGE = "200"

_UNAUTHORIZED, _NOT_FOUND, _CONFLICT, _TOO_MANY, _FAILED = 401, 404, 409, 429, 500


class Unavailable(click.ClickException):
    """No answer for now: the same question may be answered later."""


class Missing(click.ClickException):
    """Nothing of that name is kept."""


class NoSuchPath(click.ClickException):
    """The stack has no such path: it may be of an earlier version."""


class Conflict(click.ClickException):
    """It is kept, and not in a state that lets this be answered."""


@dataclass(frozen=True, slots=True)
class Reader:
    """A target's read side; `refused` and `unreachable` are what to do where it refuses or is silent.

    `options` name the target to a command.
    """

    client: httpx.Client
    refused: str
    unreachable: str
    options: tuple[str, ...] = ()

    def command(self, words: str, *ids: str, options: Iterable[str] = ()) -> str:
        """Return a command of ours that works on the same target, to be pasted into a shell."""
        return shell.command(words, *ids, options=(*options, *self.options))

    def get(self, path: str, params: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Return the JSON object of an answer.

        Raises Unavailable, Missing, or another click.ClickException, each with what to do next.
        """
        response = self._asked(path, params)
        content = _object(response)
        if response.is_success and content is not None:
            return content
        raise self._problem(response.status_code, content or {})

    def text(self, path: str, params: Mapping[str, str]) -> str:
        """Return an answer that is text; raises as `get` does."""
        response = self._asked(path, params)
        if response.is_success:
            return response.text
        raise self._problem(response.status_code, _object(response) or {})

    def content(self, path: str) -> bytes:
        """Return the bytes of an answer; raises as `get` does."""
        response = self._asked(path, {})
        if response.is_success:
            return response.content
        raise self._problem(response.status_code, _object(response) or {})

    def _asked(self, path: str, params: Mapping[str, str] | None) -> httpx.Response:
        try:
            response = self.client.get(path, params=params)
        except httpx.TransportError as error:
            raise Unavailable(f"No answer ({_reason(error)}). {self.unreachable}") from error
        if response.status_code == _UNAUTHORIZED:
            raise click.ClickException(self.refused)
        return response

    def _problem(self, status: int, content: dict[str, Any]) -> click.ClickException:
        detail = escape(str(content.get("detail") or content.get("message") or "no reason given"))
        if status == _TOO_MANY or status >= _FAILED:
            return Unavailable(f"It answered {status}: {detail}. Try again in a moment.")
        if status == _NOT_FOUND and "detail" in content:
            return Missing(detail)
        if status == _CONFLICT:
            return Conflict(f"It answered {status}: {detail}")
        if not content or status == _NOT_FOUND:
            kind = NoSuchPath if status == _NOT_FOUND else click.ClickException
            return kind(f"It answered {status}, and not as a tavus-callbacks API does. {self.unreachable}")
        return click.ClickException(f"It answered {status}: {detail}")


def _object(response: httpx.Response) -> dict[str, Any] | None:
    try:
        content = response.json()
    except ValueError:
        return None
    return content if isinstance(content, dict) else None


def _reason(error: httpx.TransportError) -> str:
    return escape(str(error)) or type(error).__name__


def pages(reader: Reader, path: str, params: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Yield a list's answers until there is no cursor."""
    cursor: dict[str, str] = {}
    while True:
        page = reader.get(path, {"limit": _PAGE, **params, **cursor})
        yield page
        if not page.get("cursor"):
            return
        cursor = {"cursor": page["cursor"]}


def http_client(url: str, token: str) -> httpx.Client:
    """Return a client that asks an API with a bearer token."""
    return plain_client(url, {"authorization": f"Bearer {token}"})


def plain_client(url: str, headers: Mapping[str, str] | None = None) -> httpx.Client:
    """Return a client for a URL and what is below it."""
    # A proxy of the environment knows nothing of this machine's loopback.
    return httpx.Client(base_url=url, headers=headers, timeout=_TIMEOUT, trust_env=not is_near(url))


def direct_client(session: "Session", stack: str) -> httpx.Client:
    """Return a client that asks a deployed stack's tables through the reader's own code."""
    from tavus_callbacks_cli.targets.in_process import DirectTransport, take_environment

    take_environment(session, stack)
    return httpx.Client(base_url=f"https://{stack}.invalid", transport=DirectTransport())
