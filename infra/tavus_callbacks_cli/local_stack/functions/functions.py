"""Lambda functions of the template, run by worker processes.

FunctionFailed          the handler raised, could not be loaded, or its process ended
├── AnswerTooLarge      over what Lambda hands back
└── FunctionTimedOut    longer than the template's Timeout; its process was killed
"""

import json
import os
import queue
import select
import struct
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
from tavus_callbacks_cli.local_stack.functions import worker
from tavus_callbacks_cli.local_stack.template.intrinsics import uninterpretable

if TYPE_CHECKING:
    from tavus_callbacks_cli.local_stack.template.template import Resource, Template

WORKERS_AT_MOST = 4
ANSWER_LIMIT = 6 * 1024 * 1024
_SECONDS_TO_LOAD = 60
_DEFAULT_TIMEOUT, _DEFAULT_MEMORY = 3, 128
# AWS is as fast as this machine, which may have much else to do: a slow one would spill in fair weather.
_SLOWER = {"STORE_SECONDS": "5"}


class FunctionFailed(Exception):
    """The handler gave no answer; the text says why."""


class AnswerTooLarge(FunctionFailed):
    """The answer is over the 6 MB that Lambda hands back."""


class FunctionTimedOut(FunctionFailed):
    """The handler took longer than the template's Timeout."""


@dataclass(frozen=True)
class Function:
    """What the template says of a function; `environment` is whole, as the process gets it."""

    logical_id: str
    arn: str
    handler: str
    timeout: float
    environment: dict[str, str]
    log: Path


@dataclass(frozen=True)
class Place:
    """Where functions run.

    `key_of` returns the access key id of a function by its logical id. `addresses` maps an AWS address to its
    local one.
    """

    endpoint_url: str
    logs: Path
    key_of: Callable[[str], str]
    addresses: Mapping[str, str] = field(default_factory=dict)


def functions_of(template: "Template", place: Place) -> list[Function]:
    """Read the functions of a template, their environment pointing at the embedded services."""
    return [_function(resource, template, place) for resource in template.of_type("AWS::Lambda::Function")]


def _function(resource: "Resource", template: "Template", place: Place) -> Function:
    properties = resource.properties
    if not str(properties.get("Runtime", "")).startswith("python"):
        raise uninterpretable(resource.logical_id, "its Runtime", "only Python handlers run here")
    memory = int(properties.get("MemorySize", _DEFAULT_MEMORY))
    return Function(
        logical_id=resource.logical_id,
        arn=f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{resource.name}",
        handler=properties["Handler"],
        timeout=float(properties.get("Timeout", _DEFAULT_TIMEOUT)),
        environment={
            **inherited_environment(),
            **_lambda_environment(resource.name, memory, place.endpoint_url),
            "AWS_ACCESS_KEY_ID": place.key_of(resource.logical_id),
            "PYTHONPATH": str(template.code_folder(resource)),
            **_variables(properties, place.addresses),
        },
        log=place.logs / f"{resource.logical_id}.log",
    )


def _variables(properties: dict[str, Any], addresses: Mapping[str, str]) -> dict[str, str]:
    variables = properties.get("Environment", {}).get("Variables", {})
    told = {name: addresses.get(str(value), str(value)) for name, value in variables.items()}
    return told | {name: value for name, value in _SLOWER.items() if name in told}


def _lambda_environment(name: str, memory: int, endpoint_url: str) -> dict[str, str]:
    return {
        "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL": endpoint_url,
        # Nothing of the person's own AWS set-up may reach a handler here.
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_LAMBDA_FUNCTION_NAME": name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory),
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        # The team's own server, too, runs on this machine.
        "PUSH_TO_THIS_MACHINE": "true",
        "PYTHONUTF8": "1",
        "TZ": "UTC",
    }


class LocalFunction:
    """A function that can be invoked from any thread; each of its workers serves one event at a time."""

    def __init__(self, function: Function) -> None:
        self.function = function
        self._places = threading.BoundedSemaphore(WORKERS_AT_MOST)
        self._idle: queue.LifoQueue[_Worker] = queue.LifoQueue()
        self._all: set[_Worker] = set()
        function.log.write_bytes(b"")

    def prewarm(self) -> None:
        """Start the first worker, unless there is one, without waiting for it."""
        if not self._all:
            self._idle.put(self._new_worker())

    def invoke(self, event: Any) -> Any:
        """Return the handler's answer, both ways as JSON; raises FunctionFailed."""
        with self._places:
            running = self._take()
            try:
                answer = running.invoke(event)
            except BaseException:
                self._discard(running)
                raise
            self._idle.put(running)
        if "error" in answer:
            raise FunctionFailed(answer["error"])
        return answer["answer"]

    def stop(self) -> None:
        """End every worker."""
        for running in list(self._all):
            running.close_stdin()
        for running in list(self._all):
            stop_child(running.process)

    def _take(self) -> "_Worker":
        while True:
            try:
                running = self._idle.get_nowait()
            except queue.Empty:
                return self._new_worker()
            # A process can be killed while idle. The next event then gets a new one, as on Lambda.
            if running.process.poll() is None:
                return running
            self._discard(running)

    def _new_worker(self) -> "_Worker":
        running = _Worker(self.function)
        self._all.add(running)
        return running

    def _discard(self, running: "_Worker") -> None:
        kill_child(running.process)
        stop_child(running.process)
        self._all.discard(running)


class _Worker:
    def __init__(self, function: Function) -> None:
        self._function = function
        self._is_loaded = False
        with function.log.open("ab") as log:
            self.process = start_child(worker.__name__, function.handler, env=function.environment, log=log)

    def invoke(self, event: Any) -> dict[str, Any]:
        if not self._is_loaded:
            self._load()
        call = {
            "event": event,
            "request_id": str(uuid.uuid4()),
            "arn": self._function.arn,
            "seconds": self._function.timeout,
        }
        self._write(json.dumps(call, ensure_ascii=False).encode())
        return self._read(self._function.timeout)

    def close_stdin(self) -> None:
        if self.process.stdin:
            self.process.stdin.close()

    def _load(self) -> None:
        answer = self._read(_SECONDS_TO_LOAD)
        if "error" in answer:
            raise FunctionFailed(answer["error"])
        self._is_loaded = True

    def _write(self, body: bytes) -> None:
        try:
            worker.write_frame(_stream(self.process.stdin), body)
        except (BrokenPipeError, ValueError) as error:
            raise FunctionFailed("its process ended") from error

    def _read(self, seconds: float) -> dict[str, Any]:
        deadline = time.monotonic() + seconds
        descriptor = _stream(self.process.stdout).fileno()
        (length,) = struct.unpack(">I", _read_exactly(descriptor, 4, deadline))
        answer: dict[str, Any] = json.loads(_read_exactly(descriptor, length, deadline))
        if length > ANSWER_LIMIT:
            raise AnswerTooLarge(f"its answer has {length} bytes, Lambda hands back {ANSWER_LIMIT}")
        return answer


def _stream(stream: Any) -> Any:
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
