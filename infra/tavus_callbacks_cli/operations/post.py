"""Posting to an address of the person's: judged by the status, under one deadline, the body never read.

    name ──▶ addresses ──▶ connect ──▶ TLS ──▶ request ──▶ status and headers ──▶ close
    └──────────────────────────── at most 15 s together ───────────────────────┘

Limits for each read would not end a server that sends a byte now and then.
"""

import asyncio
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import click
import httpx

from tavus_callbacks.domain.common.retry_after import parse_retry_after
from tavus_callbacks.domain.pushes.target import with_tags
from tavus_callbacks_cli.output.shell import argument
from tavus_callbacks_cli.output.text import escape
from tavus_callbacks_cli.targets.api_client import environment_errors, tls_context
from tavus_callbacks_cli.targets.urls import is_loopback

# Seconds.
_DEADLINE = 15.0
# Bytes that are read of an answer whose connection broke; a status line and headers are shorter.
_REST = 65536
# Characters; a reason may quote what the target sent.
_LONGEST_REASON = 120


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of a post. `status` is None if nobody answered; then `reason` says why.

    `retry_after` is in seconds, None if the target named no time.
    """

    status: int | None
    milliseconds: int
    reason: str | None = None
    retry_after: float | None = None

    @property
    def is_taken(self) -> bool:
        """Whether the target accepted the body. A redirect is a refusal, because it is not followed."""
        return self.status is not None and httpx.codes.is_success(self.status)


Post = Callable[[bytes, dict[str, str], Mapping[str, str]], Answer]


@contextmanager
def open_poster(url: str, *, ca: Path | None = None, is_insecure: bool = False) -> Iterator[Post]:
    """Yield a function that posts a body, with tags and headers, to a URL and returns the Answer.

    `ca` names the only certificates that are trusted; `is_insecure` accepts any. Raises click.UsageError for
    a URL that cannot be asked, and click.ClickException for a file without certificates.
    """
    try:
        httpx.URL(url)
    except httpx.InvalidURL as error:
        raise click.UsageError(f"The address to post to is not valid: {escape(str(error))}.") from None
    # A proxy of the environment cannot reach this machine's loopback.
    trust_env = not is_loopback(url)
    trust = _trust(ca) if ca else None
    with environment_errors():
        verify = trust or (not is_insecure and tls_context(trust_env=trust_env))
        # Longer than the deadline of the whole post, which gives the better reason.
        client = httpx.AsyncClient(verify=verify, timeout=2 * _DEADLINE, trust_env=trust_env)
    transports: list[asyncio.Transport] = []

    async def post(body: bytes, tags: dict[str, str], headers: Mapping[str, str]) -> Answer:
        try:
            return await _post(client, with_tags(url, tags), body, headers)
        finally:
            # A handshake that is cancelled leaves its connection open.
            while transports:
                transports.pop().abort()
            await asyncio.sleep(0)

    with asyncio.Runner(loop_factory=partial(_Loop, transports)) as runner:
        try:
            yield lambda body, tags, headers: runner.run(post(body, tags, headers))
        finally:
            runner.run(client.aclose())


async def _post(client: httpx.AsyncClient, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    began = time.monotonic()
    try:
        async with (
            asyncio.timeout(_DEADLINE),
            # A server that keeps the connection would see it break, because the body is left unread.
            client.stream("POST", url, content=body, headers={**headers, "connection": "close"}) as response,
        ):
            retry_after = parse_retry_after(response.headers.get("retry-after"), datetime.now(UTC))
            return Answer(response.status_code, _milliseconds(began), None, retry_after)
    except TimeoutError:
        reason = f"no answer within {_DEADLINE:g} s"
    except (httpx.TransportError, httpx.InvalidURL, OSError) as error:
        reason = _reason(error)
    return Answer(None, _milliseconds(began), reason)


def _milliseconds(began: float) -> int:
    return round((time.monotonic() - began) * 1000)


def _reason(error: BaseException) -> str:
    """Return why there was no answer: the innermost fault, which "All connection attempts failed" hides."""
    innermost = error
    while cause := innermost.__cause__ or innermost.__context__:
        innermost = cause
    if isinstance(innermost, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {innermost.verify_message}"
    if isinstance(innermost, OSError) and not isinstance(innermost, (socket.gaierror, ssl.SSLError)):
        return os.strerror(innermost.errno) if innermost.errno else str(error)
    return escape(str(innermost))[:_LONGEST_REASON] or "the connection broke"


def _trust(ca: Path) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=ca)
    except ssl.SSLError:
        raise click.ClickException(f"{argument(str(ca))} has no certificate. Name a PEM file.") from None
    except OSError as error:
        raise click.ClickException(f"{argument(str(ca))} cannot be read: {error.strerror}.") from None
    # A server's own certificate can then be named too; it need not have signed itself.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    # Python 3.13 is strict by default, and refuses an authority that `openssl req -x509` made.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def _read_rest(transport: asyncio.Transport, protocol: asyncio.Protocol) -> None:
    """Let a protocol get what its socket holds when the connection breaks.

    A target may refuse a large body before it has read all of it, and close. Then sending fails, and asyncio
    would drop the answer unread.
    """
    end = protocol.connection_lost

    def connection_lost(error: Exception | None) -> None:
        with suppress(OSError):
            if error and (rest := os.read(transport.get_extra_info("socket").fileno(), _REST)):
                protocol.data_received(rest)
        end(error)

    protocol.connection_lost = connection_lost  # type: ignore[method-assign, assignment]  # of this one protocol


class _Loop(asyncio.SelectorEventLoop):
    """A loop that notes its connections, and whose lookups of names end with the process.

    A lookup has no time limit of its own.
    """

    def __init__(self, transports: list[asyncio.Transport]) -> None:
        super().__init__()
        self._noted = transports

    async def create_connection(self, *arguments: Any, **options: Any) -> Any:
        """Connect, and note the transport."""
        transport, protocol = await super().create_connection(*arguments, **options)
        self._noted.append(transport)
        _read_rest(transport, protocol)
        return transport, protocol

    async def getaddrinfo(self, host: Any, port: Any, **options: Any) -> Any:
        """Look up a name in a daemon thread; those of the usual executor are waited for at the end."""
        future: asyncio.Future[Any] = self.create_future()

        def settle(addresses: Any, error: OSError | None) -> None:
            if future.done():
                return
            if error:
                future.set_exception(error)
            else:
                future.set_result(addresses)

        def look_up() -> None:
            addresses, fault = None, None
            try:
                addresses = socket.getaddrinfo(host, port, **options)
            except OSError as error:
                fault = error
            # The loop is closed if nobody waits any more.
            with suppress(RuntimeError):
                self.call_soon_threadsafe(settle, addresses, fault)

        threading.Thread(target=look_up, name="lookup", daemon=True).start()
        return await future
