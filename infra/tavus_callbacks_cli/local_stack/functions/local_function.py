"""Lambda functions of the template, run by worker processes.

FunctionFailed          the handler raised, could not be loaded, or its process ended
├── AnswerTooLarge      the answer exceeds Lambda's limit
└── FunctionTimedOut    longer than the template's Timeout; its process was killed
"""

import json
import os
import queue
import select
import struct
import sys
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tavus_callbacks_cli.local_stack.account import ACCOUNT, REGION, SECRET_ACCESS_KEY
from tavus_callbacks_cli.local_stack.child_process import (
    inherited_environment,
    kill_child,
    start_child,
    stop_child,
)
from tavus_callbacks_cli.local_stack.functions import worker as worker_process
from tavus_callbacks_cli.local_stack.template.intrinsics import uninterpretable

if TYPE_CHECKING:
    from tavus_callbacks_cli.local_stack.template.template import Resource, Template

WORKERS_AT_MOST = 4
ANSWER_LIMIT = 6 * 1024 * 1024
_SECONDS_TO_LOAD = 60
_DEFAULT_TIMEOUT, _DEFAULT_MEMORY = 3, 128
# This machine may be busy with other work. With AWS's deadline, callbacks would spill without an outage.
_SLOWER = {"STORE_SECONDS": "5"}

Invoke = Callable[[Any], Any]


class FunctionFailed(Exception):
    """The handler gave no answer; the text says why."""


class AnswerTooLarge(FunctionFailed):
    """The answer exceeds the 6 MB that Lambda returns."""


class FunctionTimedOut(FunctionFailed):
    """The handler took longer than the template's Timeout."""


@dataclass(frozen=True)
class Function:
    """The template's settings of a function; `environment` is the whole environment of its process."""

    logical_id: str
    arn: str
    handler: str
    timeout: float
    environment: dict[str, str]
    log: Path


@dataclass(frozen=True)
class FunctionHost:
    """Where functions run.

    `key_of` returns the access key id of a function by its logical id. `addresses` maps an AWS address to its
    local one.
    """

    endpoint_url: str
    logs: Path
    key_of: Callable[[str], str]
    addresses: Mapping[str, str] = field(default_factory=dict)


def functions_of(template: "Template", host: FunctionHost) -> list[Function]:
    """Return the functions of a template, with environments that point at the embedded services."""
    functions = []
    for resource in template.of_type("AWS::Lambda::Function"):
        properties = resource.properties
        if not str(properties.get("Runtime", "")).startswith("python"):
            raise uninterpretable(resource.logical_id, "its Runtime", "only Python handlers run here")
        variables = properties.get("Environment", {}).get("Variables", {})
        function = Function(
            logical_id=resource.logical_id,
            arn=f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{resource.name}",
            handler=properties["Handler"],
            timeout=float(properties.get("Timeout", _DEFAULT_TIMEOUT)),
            environment={
                **inherited_environment(),
                **_lambda_environment(resource, host),
                **_python_path(template.code_folder(resource)),
                **{name: host.addresses.get(str(value), str(value)) for name, value in variables.items()},
                **{name: value for name, value in _SLOWER.items() if name in variables},
            },
            log=host.logs / f"{resource.logical_id}.log",
        )
        functions.append(function)
    return functions


def _python_path(code: Path) -> dict[str, str]:
    # It is searched before the standard library, so a folder of installed packages must not stand in it.
    if str(code) in sys.path:
        return {}
    return {"PYTHONPATH": os.pathsep.join(filter(None, (str(code), os.environ.get("PYTHONPATH"))))}


def _lambda_environment(resource: "Resource", host: FunctionHost) -> dict[str, str]:
    return {
        "AWS_ACCESS_KEY_ID": host.key_of(resource.logical_id),
        "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL": host.endpoint_url,
        # Nothing of the person's own AWS set-up may reach a handler here.
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_LAMBDA_FUNCTION_NAME": resource.name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(int(resource.properties.get("MemorySize", _DEFAULT_MEMORY))),
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        # The team's own server runs on this machine too.
        "PUSH_TO_THIS_MACHINE": "true",
        "PYTHONUTF8": "1",
        "TZ": "UTC",
    }


class LocalFunction:
    """A function that any thread can invoke; each of its workers handles one event at a time."""

    def __init__(self, function: Function) -> None:
        self.function = function
        self._slots = threading.BoundedSemaphore(WORKERS_AT_MOST)
        self._idle: queue.LifoQueue[_Worker] = queue.LifoQueue()
        self._workers: set[_Worker] = set()
        function.log.write_bytes(b"")

    def prewarm(self) -> None:
        """Start the first worker without waiting for it; do nothing if there is one."""
        if not self._workers:
            self._idle.put(self._new_worker())

    def invoke(self, event: Any) -> Any:
        """Return the handler's answer; event and answer pass through JSON. Raises FunctionFailed."""
        with self._slots:
            worker = self._take()
            try:
                answer = worker.invoke(event)
            except BaseException:
                self._discard(worker)
                raise
            self._idle.put(worker)
        if "error" in answer:
            raise FunctionFailed(answer["error"])
        return answer["answer"]

    def request_end(self) -> None:
        """Let every worker end, without waiting for it."""
        for worker in self._workers:
            worker.request_end()

    def stop(self) -> None:
        """End every worker."""
        for worker in list(self._workers):
            stop_child(worker.process)

    def _take(self) -> "_Worker":
        while True:
            try:
                worker = self._idle.get_nowait()
            except queue.Empty:
                return self._new_worker()
            # An idle process can be killed. The next event then gets a new one, as on Lambda.
            if worker.process.poll() is None:
                return worker
            self._discard(worker)

    def _new_worker(self) -> "_Worker":
        worker = _Worker(self.function)
        self._workers.add(worker)
        return worker

    def _discard(self, worker: "_Worker") -> None:
        kill_child(worker.process)
        stop_child(worker.process)
        self._workers.discard(worker)


class _Worker:
    def __init__(self, function: Function) -> None:
        self._function = function
        self._is_loaded = False
        with function.log.open("ab") as log:
            self.process = start_child(
                worker_process.__name__, function.handler, env=function.environment, log=log
            )

    def request_end(self) -> None:
        if not self._is_loaded:
            # It may still import for seconds, and has handled nothing.
            self.process.kill()
        elif self.process.stdin:
            self.process.stdin.close()

    def invoke(self, event: Any) -> dict[str, Any]:
        if not self._is_loaded:
            answer = self._read(_SECONDS_TO_LOAD)
            if "error" in answer:
                raise FunctionFailed(answer["error"])
            self._is_loaded = True
        call = {
            "event": event,
            "request_id": str(uuid.uuid4()),
            "arn": self._function.arn,
            "seconds": self._function.timeout,
        }
        body = json.dumps(call, ensure_ascii=False).encode()
        try:
            worker_process.write_frame(_pipe(self.process.stdin), body)
        except (BrokenPipeError, ValueError) as error:
            raise FunctionFailed("its process ended") from error
        return self._read(self._function.timeout)

    def _read(self, seconds: float) -> dict[str, Any]:
        deadline = time.monotonic() + seconds
        descriptor = _pipe(self.process.stdout).fileno()
        (length,) = struct.unpack(">I", _read_exactly(descriptor, 4, deadline))
        answer: dict[str, Any] = json.loads(_read_exactly(descriptor, length, deadline))
        if length > ANSWER_LIMIT:
            raise AnswerTooLarge(f"its answer has {length} bytes, Lambda hands back {ANSWER_LIMIT}")
        return answer


def _pipe(stream: Any) -> Any:
    if stream is None:
        raise FunctionFailed("its process has no pipes")
    return stream


def _read_exactly(descriptor: int, length: int, deadline: float) -> bytes:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    body = bytearray()
    while len(body) < length:
        remaining = deadline - time.monotonic()
        if remaining <= 0 or not poll.poll(remaining * 1000):
            raise FunctionTimedOut("it took longer than the template's Timeout")
        piece = os.read(descriptor, min(1 << 20, length - len(body)))
        if not piece:
            raise FunctionFailed("its process ended")
        body += piece
    return bytes(body)
