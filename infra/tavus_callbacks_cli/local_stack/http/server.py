"""The HTTP listener: uvicorn, with a small ASGI application that passes requests on."""

import asyncio
import contextlib
import errno
import logging
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import click

from tavus_callbacks_cli.local_stack.http.gateway import FAILED, TOO_LARGE
from tavus_callbacks_cli.local_stack.http.payload import BODY_LIMIT, Answer, Handle, Request, Stream
from tavus_callbacks_cli.local_stack.loopback import HOST

# A request that waits for a worker occupies a thread, so there are more threads than workers.
_THREADS = 64
# A client gets its 413 only after it has sent its whole body, up to this many limits.
_READ_LIMITS = 10
# Seconds that a reader of a stream may take for a chunk before its connection is closed.
_SLOW = 10

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Headers = tuple[tuple[str, str], ...]

_log = logging.getLogger(__name__)


class _Disconnected(Exception):
    """The client disconnected before its request was complete."""


@dataclass(frozen=True)
class Site:
    """A handler for the requests whose path it takes.

    Each site has threads of its own, so that one site can send requests to another.
    """

    handle: Callable[[Request], Answer | Stream]
    takes: Callable[[bytes], bool] = lambda _path: True
    body_limit: int = BODY_LIMIT
    too_large: Answer = TOO_LARGE
    failed: Answer = FAILED


class PortTaken(click.ClickException):
    """Another program listens on the port."""


def take_port(port: int, option: str = "--port") -> socket.socket:
    """Listen on loopback; port 0 takes a free one. Raises click.ClickException, which names the option."""
    # asyncio sets TCP_NODELAY only if the protocol is named. Without it, an open connection waits 40 ms for
    # each answer.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        remedy = f"Name another port with {option} N, or use {option} 0 for a free one."
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(f"Port {port} is taken by another program. {remedy}") from error
        if error.errno == errno.EACCES:
            raise click.ClickException(f"You have no permission to use port {port}. {remedy}") from error
        raise
    return listener


@contextlib.contextmanager
def serve(listener: socket.socket, handle: Handle | Site, *, before: Site | None = None) -> Iterator[None]:
    """Answer requests on the socket until the block ends; the site `before` sees each path first."""
    import uvicorn

    last = handle if isinstance(handle, Site) else Site(handle)
    hosts = [_Host(site) for site in (before, last) if site]
    config = uvicorn.Config(
        _application(hosts),
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=2,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],), name="listener")
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        for host in hosts:
            host.end_streams()
        thread.join()
        for host in hosts:
            # A handler that hangs ends with its worker, just after this.
            host.threads.shutdown(wait=False, cancel_futures=True)


@dataclass(frozen=True)
class _Host:
    """A site with its threads and its open streams."""

    site: Site
    threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(_THREADS, "request"))
    streams: set[asyncio.Task[None]] = field(default_factory=set)

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, in a thread; a stream is then sent by the event loop."""
        body = await _read_body(receive, self.site.body_limit)
        if body is None:
            await _send(send, self.site.too_large)
            return
        request = Request(
            method=scope["method"],
            path=scope["raw_path"],
            query=scope["query_string"],
            headers=tuple(scope["headers"]),
            body=body,
            source_ip=(scope["client"] or [HOST])[0],
            protocol=f"HTTP/{scope['http_version']}",
        )
        answer: Answer | Stream = self.site.failed
        # uvicorn cancels what still runs two seconds after the stop.
        with contextlib.suppress(asyncio.CancelledError):
            answer = await asyncio.get_running_loop().run_in_executor(self.threads, self._handle, request)
        if isinstance(answer, Answer):
            await _send(send, answer)
        else:
            await self._send_stream(receive, send, answer)

    def _handle(self, request: Request) -> Answer | Stream:
        try:
            return self.site.handle(request)
        except Exception:  # noqa: BLE001 - the outermost edge: the client gets an answer, the log the traceback
            _log.exception("the server failed on %s", request.method)
            return self.site.failed

    async def _send_stream(self, receive: Receive, send: Send, stream: Stream) -> None:
        """Send chunks until they end, the client disconnects or reads too slowly, or the server stops."""
        await send(_start(200, stream.headers))
        sending = asyncio.create_task(_send_chunks(send, stream))
        leaving = asyncio.create_task(_await_disconnect(receive))
        self.streams.add(sending)
        try:
            await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.streams.discard(sending)
            sending.cancel()
            leaving.cancel()
            outcome, _ = await asyncio.gather(sending, leaving, return_exceptions=True)
        if isinstance(outcome, TimeoutError):
            return  # the client would not read the end either, and uvicorn closes the connection
        if isinstance(outcome, Exception):
            raise outcome
        await send({"type": "http.response.body", "body": b""})

    def end_streams(self) -> None:
        """End the open streams at once; called from another thread than theirs."""
        for task in tuple(self.streams):
            task.get_loop().call_soon_threadsafe(task.cancel)


def _application(hosts: list[_Host]) -> Any:
    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        # The last site refuses what no site takes.
        host = next((host for host in hosts if host.site.takes(scope["raw_path"])), hosts[-1])
        # No client is left to answer.
        with contextlib.suppress(_Disconnected):
            await host.answer(scope, receive, send)

    return application


async def _send_chunks(send: Send, stream: Stream) -> None:
    async with contextlib.aclosing(stream.chunks()) as chunks:
        async for chunk in chunks:
            async with asyncio.timeout(_SLOW):
                await send({"type": "http.response.body", "body": chunk, "more_body": True})


async def _await_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _read_body(receive: Receive, limit: int) -> bytes | None:
    body, size, is_whole = bytearray(), 0, False
    while not is_whole and size <= _READ_LIMITS * limit:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Disconnected
        size += len(message.get("body", b""))
        is_whole = not message.get("more_body", False)
        if size <= limit:
            body += message.get("body", b"")
    return bytes(body) if size <= limit else None


async def _send(send: Send, answer: Answer) -> None:
    headers = answer.headers
    # An answer to HEAD brings its own length, without a body.
    if "content-length" not in dict(headers):
        headers = (*headers, ("content-length", str(len(answer.body))))
    await send(_start(answer.status, headers))
    await send({"type": "http.response.body", "body": answer.body})


def _start(status: int, headers: Headers) -> dict[str, Any]:
    encoded = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    return {"type": "http.response.start", "status": status, "headers": encoded}
