"""Measures the time from stored to pushed: `PYTHONPATH=infra .venv/bin/python -m bench.pushes [N]`.

It starts a local stack and measures from the answer to a callback until the team's server has the first push
about it, one callback after another.
"""

import json
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import httpx

from tavus_callbacks_cli.local_stack.options import Options
from tavus_callbacks_cli.local_stack.stack import LocalStack, local_stack

ROUNDS, PATIENCE = 50, 60.0


class _Server(BaseHTTPRequestHandler):
    """Records when the first push about each subject arrived."""

    protocol_version = "HTTP/1.0"
    arrivals: dict[str, float] = {}  # noqa: RUF012 - one for the run
    woken = threading.Condition()

    def do_POST(self) -> None:
        """Receive a push."""
        push: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["content-length"])))
        with self.woken:
            self.arrivals.setdefault(push["subject"], time.perf_counter())
            self.woken.notify_all()
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_arguments: Any) -> None:
        """Log nothing."""


def _seconds(stack: LocalStack, subject: str) -> float:
    body = {"conversation_id": subject, "event_type": "system.shutdown", "timestamp": "2026-11-20T10:00:00Z"}
    httpx.post(stack.running.callback_url, json=body).raise_for_status()
    stored = time.perf_counter()
    with _Server.woken:
        if not _Server.woken.wait_for(lambda: subject in _Server.arrivals, PATIENCE):
            raise TimeoutError(subject)
    return max(0.0, _Server.arrivals[subject] - stored)


def main(rounds: int) -> None:
    """Measure and print milliseconds."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Server) as server, tempfile.TemporaryDirectory() as folder:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        parameters = {"PushUrl": f"http://127.0.0.1:{server.server_port}/"}
        with local_stack(Options(port=0, state_root=Path(folder), parameters=parameters)) as stack:
            _seconds(stack, "warm")
            times = [_seconds(stack, f"c{number}") * 1000 for number in range(rounds)]
        server.shutdown()
    tenth = quantiles(times, n=10)[-1]
    sys.stdout.write(
        f"kept to pushed, {rounds} callbacks: median {median(times):.0f} ms, nine in ten {tenth:.0f} ms\n"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS)
