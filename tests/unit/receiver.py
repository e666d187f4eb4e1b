"""An application on this machine that callbacks are posted to."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Receiver:
    """Answers with the statuses in turn, then with 204; 0 closes the connection without an answer.

    `retry_after` goes with each 429 and 503. `note` is called with each body before its answer.
    """

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    retry_after: str | None = None
    note: Callable[[], object] | None = None
    paths: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    @property
    def event_ids(self) -> list[str]:
        """Return the ids of the events that came, in order."""
        return [headers["x-tavus-callbacks-event-id"] for headers in self.headers]


@contextmanager
def receiving(*statuses: int) -> Iterator[Receiver]:
    """Run an application."""
    receiver = Receiver(statuses=list(statuses))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            receiver.bodies.append(self.rfile.read(int(self.headers["content-length"])))
            receiver.paths.append(self.path)
            receiver.headers.append({name.lower(): value for name, value in self.headers.items()})
            if receiver.note:
                receiver.note()
            status = receiver.statuses.pop(0) if receiver.statuses else 204
            if not status:
                self.close_connection = True
                return
            self.send_response(status)
            if receiver.retry_after and status in (429, 503):
                self.send_header("retry-after", receiver.retry_after)
            self.end_headers()

        def log_message(self, *_arguments: Any) -> None:
            """Stay silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        receiver.url = f"http://127.0.0.1:{server.server_port}/webhook?secret=canary"
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()
