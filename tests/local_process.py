"""`tavus-callbacks local` in a process of its own."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

CLI = (sys.executable, "-c", "from tavus_callbacks_cli.main import main; main()")


@dataclass(frozen=True)
class Command:
    """A running command and the content of its ready file."""

    process: subprocess.Popen[str]
    ready_file: Path
    ready: dict[str, str]

    def get(self, path: str, **query: str) -> Any:
        """Return an answer of the API."""
        headers = {"authorization": f"Bearer {self.ready['read_token']}"}
        url = f"{self.ready['api_url']}{path}"
        answer = httpx.get(url, params=query or None, headers=headers, trust_env=False, timeout=30)
        return answer.raise_for_status().json()


def start(state: Path, port: int, *arguments: str) -> "subprocess.Popen[str]":
    """Start the command with its output piped."""
    return subprocess.Popen(  # noqa: S603 - our own command
        [*CLI, "local", "--port", str(port), *arguments],
        env={**os.environ, "TAVUS_CALLBACKS_STATE": str(state), "AWS_PROFILE": "nobody"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def running(state: Path, port: int, *arguments: str) -> Iterator[Command]:
    """Run the command until it is ready; kill it at the end if it still runs."""
    ready_file = state / f"ready-{time.monotonic_ns()}"
    process = start(state, port, "--ready", str(ready_file), *arguments)
    try:
        while not ready_file.exists() and process.poll() is None:
            time.sleep(0.02)
        yield Command(process, ready_file, json.loads(ready_file.read_text()))
    finally:
        process.kill()
        process.communicate()


def processor_seconds(*pids: int) -> float:
    """Return the processor time of processes, in user and in system mode; 0 on a machine without /proc."""
    paths = [path for pid in pids if (path := Path(f"/proc/{pid}/stat")).exists()]
    ticks = [path.read_text().rpartition(")")[2].split()[11:13] for path in paths]
    return sum(int(user) + int(system) for user, system in ticks) / os.sysconf("SC_CLK_TCK")


def await_end(pids: set[int]) -> set[int]:
    """Wait up to ten seconds and return the processes that still run."""
    deadline = time.monotonic() + 10
    while (left := {pid for pid in pids if _runs(pid)}) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
