"""The HTTP listener: uvicorn, with a small ASGI application that passes requests on."""

import asyncio
import contextlib
import errno
import logging
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import click

from tavus_callbacks_cli.local_stack.http.gateway import FAILED, TOO_LARGE
from tavus_callbacks_cli.local_stack.http.payload import BODY_LIMIT, Answer, Handle, Request
from tavus_callbacks_cli.local_stack.loopback import HOST

# A request that waits for a worker occupies a thread, so there are more threads than workers.
_THREADS = 64
# A client gets its 413 only after it has sent its whole body, up to this size.
_READ_AT_MOST = 10 * BODY_LIMIT

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

_log = logging.getLogger(__name__)


class _Disconnected(Exception):
    """The client disconnected before its request was complete."""


def take_port(port: int) -> socket.socket:
    """Listen on loopback; port 0 takes a free one. Raises click.ClickException if the port is taken."""
    # asyncio sets TCP_NODELAY only if the protocol is named. Without it, an open connection waits 40 ms for
    # each answer.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        raise click.ClickException(f"port {port} is taken: choose another one with --port N") from error
    return listener


@contextlib.contextmanager
def serve(listener: socket.socket, handle: Handle) -> Iterator[None]:
    """Answer requests on the socket until the block ends."""
    import uvicorn

    threads = ThreadPoolExecutor(_THREADS, "request")
    config = uvicorn.Config(
        _application(handle, threads),
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
        thread.join()
        # A handler that hangs ends with its worker, just after this.
        threads.shutdown(wait=False, cancel_futures=True)


def _application(handle: Handle, threads: ThreadPoolExecutor) -> Any:
    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        # No client is left to answer.
        with contextlib.suppress(_Disconnected):
            body = await _read_body(receive)
            answer = TOO_LARGE
            if body is not None:
                request = Request(
                    method=scope["method"],
                    path=scope["raw_path"],
                    query=scope["query_string"],
                    headers=tuple(scope["headers"]),
                    body=body,
                    source_ip=(scope["client"] or [HOST])[0],
                    protocol=f"HTTP/{scope['http_version']}",
                )
                loop = asyncio.get_running_loop()
                answer = await loop.run_in_executor(threads, _handle_safely, handle, request)
            await _send(send, answer)

    return application


def _handle_safely(handle: Handle, request: Request) -> Answer:
    try:
        return handle(request)
    except Exception:  # noqa: BLE001 - the outermost edge: the client gets an answer, the log the traceback
        _log.exception("the local stack failed on %s", request.method)
        return FAILED


async def _read_body(receive: Receive) -> bytes | None:
    body, size, is_whole = bytearray(), 0, False
    while not is_whole and size <= _READ_AT_MOST:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Disconnected
        size += len(message.get("body", b""))
        is_whole = not message.get("more_body", False)
        if size <= BODY_LIMIT:
            body += message.get("body", b"")
    return bytes(body) if size <= BODY_LIMIT else None


async def _send(send: Send, answer: Answer) -> None:
    headers = list(answer.headers)
    # An answer to HEAD brings its own length, without a body.
    if "content-length" not in dict(headers):
        headers.append(("content-length", str(len(answer.body))))
    encoded = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    await send({"type": "http.response.start", "status": answer.status, "headers": encoded})
    await send({"type": "http.response.body", "body": answer.body})
