"""Posting to a target outside: to the very address that was checked, with no redirect, within time limits.

name ── getaddrinfo ──▶ addresses ── is_public ──▶ connect to one of them, TLS by the name
                                                   (asked anew, a name could answer with another address)
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

# Seconds: of each read, and of all together, for who answers a line every few seconds ends no read.
_TIMEOUT, _ALTOGETHER = Timeout(connect=5, read=15), 15.0

Watch = Callable[[socket.socket], None]


class NotReached(Exception):
    """Nobody answered; the text is the name of what went wrong, for a fault's own may hold the URL."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the target said; its body is nobody's concern and is not read."""

    status: int
    retry_after: str | None


def post(target: Target, body: bytes, headers: Mapping[str, str], *, is_local: bool = False) -> Answer:
    """Post a body; raises TargetRefused, or NotReached. `is_local` takes this machine for a target too."""
    return _post_to(resolve(target, is_local=is_local), target, body, headers)


def resolve(target: Target, *, is_local: bool = False) -> str:
    """Return the address of a target's name as it is now; one that is not public refuses them all."""
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NotReached(type(error).__name__) from None
    addresses = [str(address[0]) for *_, address in found]
    may_be: Callable[[str], bool] = _is_ours_or_public if is_local else is_public
    if not all(map(may_be, addresses)):
        raise TargetRefused(f"{target.host} has an address that is not public")
    # Lambda reaches no IPv6 unless its VPC does, so IPv4 comes first.
    return min(addresses, key=lambda address: ":" in address)


def _is_ours_or_public(address: str) -> bool:
    return is_loopback(address) or is_public(address)


def _post_to(address: str, target: Target, body: bytes, headers: Mapping[str, str]) -> Answer:
    try:
        with _ended_in_time() as watch, _pool(address, target, watch) as pool:
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


@contextmanager
def _ended_in_time() -> Iterator[Watch]:
    """Give what watches a connection, and hang up on it when its time is over."""
    watched: list[socket.socket] = []
    timer = Timer(_ALTOGETHER, lambda: _hang_up(watched))
    timer.daemon = True
    timer.start()
    try:
        # A handle of our own: TLS takes the socket itself over.
        yield lambda found: watched.append(found.dup())
    finally:
        timer.cancel()
        for one in watched:
            one.close()


def _hang_up(watched: list[socket.socket]) -> None:
    for one in watched:
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)


class _Watched(HTTPConnection):
    """A connection that is told of when it is there, before TLS begins."""

    def __init__(self, *arguments: Any, watch: Watch, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._watch = watch

    def _new_conn(self) -> socket.socket:
        found = super()._new_conn()
        self._watch(found)
        return found


class _WatchedTls(_Watched, HTTPSConnection):
    """The same, with TLS."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Watched


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _WatchedTls


def _pool(address: str, target: Target, watch: Watch) -> HTTPConnectionPool:
    if target.scheme == "http":
        return _Pool(address, target.port, timeout=_TIMEOUT, watch=watch)
    return _TlsPool(
        address,
        target.port,
        timeout=_TIMEOUT,
        ssl_context=tls(),
        server_hostname=target.host,
        assert_hostname=target.host,
        watch=watch,
    )


@cache
def tls() -> ssl.SSLContext:
    """Return what decides on certificates, by the authorities that botocore brings: 20 ms, once."""
    return ssl.create_default_context(cafile=get_cert_path(True))
