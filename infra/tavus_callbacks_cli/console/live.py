"""New callbacks as server-sent events."""

import asyncio
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx

from tavus_callbacks.domain.common.timestamps import iso
from tavus_callbacks_cli.console.session import Session
from tavus_callbacks_cli.local_stack.http.gateway import Exchange
from tavus_callbacks_cli.local_stack.registry import RunningStack

# Messages that wait for a page; a page that is further behind is disconnected, and connects again.
_MOST_WAITING = 1000
# Seconds without a message after which a comment shows whether the page is still connected.
_QUIET = 15
_RETRY = b"retry: 1000\n\n"

_Page = tuple[asyncio.AbstractEventLoop, "asyncio.Queue[bytes | None]"]


@dataclass(frozen=True)
class Feed:
    """Passes what a local stack stores on to the open pages."""

    _pages: set[_Page] = field(default_factory=set)

    def watch(self, exchange: Exchange) -> None:
        """Publish the event that an exchange stored; any thread may call this."""
        if not (self._pages and exchange.route.is_callback):
            return
        content = exchange.content()
        if content.get("status") != "stored":
            return
        received_at = datetime.fromtimestamp(exchange.event["requestContext"]["timeEpoch"] / 1000, UTC)
        names = ("kind", "subject", "event_type")
        event = {**{name: content[name] for name in names}, "received_at": iso(received_at)}
        message = f"data: {json.dumps(event)}\n\n".encode()
        for loop, queue in tuple(self._pages):
            loop.call_soon_threadsafe(_put, queue, message)

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yield events until the page is too far behind."""
        queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        page = (asyncio.get_running_loop(), queue)
        self._pages.add(page)
        try:
            message: bytes | None = _RETRY
            while message is not None:
                yield message
                try:
                    message = await asyncio.wait_for(queue.get(), _QUIET)
                except TimeoutError:
                    message = b":\n\n"
        finally:
            self._pages.discard(page)


def _put(queue: "asyncio.Queue[bytes | None]", message: bytes) -> None:
    if queue.qsize() < _MOST_WAITING:
        queue.put_nowait(message)
    else:
        while not queue.empty():
            queue.get_nowait()
        queue.put_nowait(None)


@dataclass(frozen=True)
class Relay:
    """Passes on the events of a local stack's own console, for a console in another process."""

    stack: RunningStack

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yield what the stack sends until it stops."""
        session = Session(self.stack.port, self.stack.console_key, "")
        headers = {"cookie": session.cookie, "sec-fetch-site": "same-origin"}
        url = f"{self.stack.api_url}/console/live"
        async with httpx.AsyncClient(timeout=2 * _QUIET, trust_env=False) as client:
            try:
                async with client.stream("GET", url, headers=headers) as response:
                    async for chunk in response.raise_for_status().aiter_raw():
                        yield chunk
            except httpx.HTTPError:
                return  # the browser connects again
