"""Post to a target outside: to the very address that was checked, without redirects, within time limits.

    name ── getaddrinfo ──▶ addresses ── is_public ──▶ connect to one of them, TLS by the name

A second lookup of the name could give another address.
"""

import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from threading import Timer
from typing import Any

from botocore.httpsession import get_cert_path
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, Timeout
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from tavus_callbacks.domain.pushes.target import Target, TargetRefused, is_loopback, is_public

# Seconds: of each read, and of all together, because a server that sends a line now and then ends no read.
_TIMEOUT, _TOTAL = Timeout(connect=5, read=15), 15.0

Watch = Callable[[socket.socket], None]


class NotReached(Exception):
    """No server answered. The text is the name of the fault, because a fault's own text may hold the URL."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The target's answer; its body is not read."""

    status: int
    retry_after: str | None


def post(target: Target, body: bytes, headers: Mapping[str, str], *, is_local: bool = False) -> Answer:
    """Post a body; raises TargetRefused, or NotReached. `is_local` accepts this machine as a target."""
    address = resolve_address(target, is_local=is_local)
    try:
        with _time_limit() as watch, _pool(address, target, watch) as pool:
            answer = pool.urlopen(
                "POST",
                target.path,
                body=body,
                headers={**headers, "host": target.authority, "connection": "close"},
                retries=False,
                redirect=False,
                assert_same_host=False,
                preload_content=False,
            )
            answer.close()
    except (HTTPError, OSError) as error:
        raise NotReached(type(error).__name__) from None
    return Answer(answer.status, answer.headers.get("retry-after"))


def resolve_address(target: Target, *, is_local: bool = False) -> str:
    """Return an address of a target's name; raises TargetRefused if any of its addresses is not public."""
    try:
        infos = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NotReached(type(error).__name__) from None
    addresses = [str(address[0]) for *_, address in infos]
    if not all(is_public(address) or (is_local and is_loopback(address)) for address in addresses):
        raise TargetRefused(f"{target.host} has an address that is not public")
    # Lambda reaches no IPv6 unless its VPC does, so IPv4 comes first.
    return min(addresses, key=lambda address: ":" in address)


@contextmanager
def _time_limit() -> Iterator[Watch]:
    """Yield a function that takes sockets, and shut these down when the time is over."""
    sockets: list[socket.socket] = []
    timer = Timer(_TOTAL, lambda: _shut_down(sockets))
    timer.daemon = True
    timer.start()
    try:
        # Duplicates, because TLS takes over the socket itself.
        yield lambda connection: sockets.append(connection.dup())
    finally:
        timer.cancel()
        for duplicate in sockets:
            duplicate.close()


def _shut_down(sockets: list[socket.socket]) -> None:
    for connection in sockets:
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)


class _WatchedConnection(HTTPConnection):
    """A connection that hands its socket over before TLS begins."""

    def __init__(self, *arguments: Any, watch: Watch, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._watch = watch

    def _new_conn(self) -> socket.socket:
        connection = super()._new_conn()
        self._watch(connection)
        return connection


class _WatchedTlsConnection(_WatchedConnection, HTTPSConnection):
    """The same, with TLS."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _WatchedConnection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _WatchedTlsConnection


def _pool(address: str, target: Target, watch: Watch) -> HTTPConnectionPool:
    if target.scheme == "http":
        return _Pool(address, target.port, timeout=_TIMEOUT, watch=watch)
    return _TlsPool(
        address,
        target.port,
        timeout=_TIMEOUT,
        ssl_context=tls_context(),
        server_hostname=target.host,
        assert_hostname=target.host,
        watch=watch,
    )


@cache
def tls_context() -> ssl.SSLContext:
    """Return the context that checks certificates by botocore's authorities. It takes 20 ms, once."""
    return ssl.create_default_context(cafile=get_cert_path(True))
