"""Runs a built package as Lambda does, with AWS's Runtime Interface Emulator and its Python runtime client.

The emulator crashes on two invocations at once, so they are sent one at a time. Its `Init Duration` and `Max
Memory Used` are meaningless. INIT REPORT is right, and Linux has the CPU and memory of the process.
"""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_INIT = re.compile(r"INIT REPORT\(durationMs: ([0-9.]+)")
_INVOKE = "/2015-03-31/functions/function/invocations"
# Seconds; Lambda's own period is of that order.
_PERIOD = 0.02
_LOOK = 0.0005
_PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class Function:
    """The function to run: its handler, its folders, and its environment besides Lambda's own."""

    handler: str
    folders: tuple[Path, ...]
    environment: Mapping[str, str]


@dataclass(slots=True)
class Runtime:
    """A running emulator; the process of the function starts with the first invocation."""

    port: int
    emulator: int
    log: Path
    store: str

    def invoke(self, event: bytes) -> tuple[float, bytes]:
        """Invoke once; return the milliseconds and the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        before = time.perf_counter()
        connection.request("POST", _INVOKE, event)
        answer = connection.getresponse().read()
        took = (time.perf_counter() - before) * 1000
        connection.close()
        return took, answer

    def init(self) -> float:
        """Return the milliseconds of init from the emulator's report."""
        text = self.log.read_text(encoding="utf-8", errors="replace")
        match = _INIT.search(text)
        if match is None:
            raise LookupError(f"no INIT REPORT: {text}")
        return float(match[1])

    def process(self) -> int:
        """Return the id of the function's process."""
        return child_of(self.emulator)


def child_of(pid: int) -> int:
    """Return the first child of a process."""
    children = "".join(path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children"))
    return int(children.split()[0])


def cpu_of(pid: int) -> float:
    """Return the CPU of a process with all its threads, in milliseconds."""
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(path.read_text().split()[0]) for path in threads) / 1e6


def peak_of(pid: int) -> float:
    """Return the peak memory of a process, in MiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    match = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(match[1]) / 1024 if match else 0.0


@contextmanager
def run_emulator(function: Function, tools: "Tools", log: Path, *, memory: int = 1769) -> Iterator[Runtime]:
    """Run the emulator with a function until the block ends; `memory` is the size that the function sees."""
    port, api = free_port(), free_port()
    addresses = [
        f"--runtime-{name}-address=127.0.0.1:{at}"
        for name, at in (("interface-emulator", port), ("api", api))
    ]
    path = os.pathsep.join(str(folder) for folder in (*function.folders, tools.runtime_client))
    environment = {
        **LAMBDA,
        "PYTHONPATH": path,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory),
        **function.environment,
    }
    # Without site: Lambda has neither .pth files nor user folders.
    command = [str(tools.emulator), *addresses, tools.python, "-S", "-m", "awslambdaric", function.handler]
    with log.open("wb") as out:
        process = subprocess.Popen(command, env=environment, cwd=function.folders[0], stdout=out, stderr=out)  # noqa: S603 - our own words
    try:
        await_port(port)
        yield Runtime(port, process.pid, log, function.environment["AWS_ENDPOINT_URL"])
    finally:
        stop(process)


@dataclass(frozen=True, slots=True)
class Tools:
    """Where the emulator, the runtime client and the target's Python are."""

    emulator: Path
    runtime_client: Path
    python: str


# Variables that every Lambda function has; the token is as long as a real one, for it is signed and sent.
LAMBDA: Mapping[str, str] = {
    "AWS_LAMBDA_FUNCTION_NAME": "bench",
    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
    "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
    "AWS_LAMBDA_LOG_FORMAT": "JSON",
    "AWS_LAMBDA_FUNCTION_TIMEOUT": "60",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "A" * 20,
    "AWS_SECRET_ACCESS_KEY": "b" * 40,
    "AWS_SESSION_TOKEN": "c" * 900,
    "LAMBDA_TASK_ROOT": "/var/task",
    "LANG": "en_US.UTF-8",
    "TZ": ":UTC",
    "PATH": os.environ["PATH"],
    # Else root writes bytecode into a baseline that ships none.
    "PYTHONDONTWRITEBYTECODE": "1",
}


def free_port() -> int:
    """Return a free port."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def await_port(port: int) -> None:
    """Wait until a process listens on the port."""
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    raise TimeoutError(f"nobody listens on port {port}")


def stop(process: subprocess.Popen[Any]) -> None:
    """End a process and wait for it."""
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def limit_cpu(emulator: int, share: float) -> Iterator[None]:
    """Give the function's process a share of each 20 ms, as Lambda does below 1,769 MB."""
    ended = threading.Event()
    thread = threading.Thread(target=_pace, args=(emulator, share * _PERIOD, ended), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _pace(emulator: int, quota: float, ended: threading.Event) -> None:
    """Stop the process for the rest of each period in which it has used its quota (both in seconds)."""
    while not ended.is_set():
        # The process may not exist yet, or no longer.
        try:
            _pace_once(child_of(emulator), quota)
        except (IndexError, FileNotFoundError, ProcessLookupError):
            time.sleep(_LOOK)


def _pace_once(pid: int, quota: float) -> None:
    period_ends, used = time.monotonic() + _PERIOD, cpu_of(pid)
    while time.monotonic() < period_ends and cpu_of(pid) - used < quota * 1000:
        time.sleep(_LOOK)
    os.kill(pid, signal.SIGSTOP)
    time.sleep(max(0.0, period_ends - time.monotonic()))
    os.kill(pid, signal.SIGCONT)


@contextmanager
def store(answers: Mapping[str, Any], python: str) -> Iterator[int]:
    """Run the store of fixed answers, by operation; yield its port. The bytes under "" answer GetObject."""
    script = Path(__file__).with_name("store.py")
    process = subprocess.Popen(  # noqa: S603 - our own script
        [python, "-I", str(script)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        if process.stdout is None or process.stdin is None:
            raise TypeError("pipes were asked for")
        # The answers can be longer than an argument of a process.
        encoded = {name: body.decode("latin-1") if name == "" else body for name, body in answers.items()}
        process.stdin.write(f"{json.dumps(encoded)}\n")
        process.stdin.flush()
        yield int(process.stdout.readline())
        process.stdin.close()
    finally:
        stop(process)
