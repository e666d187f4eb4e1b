"""Runs one handler as Lambda does, in its own process: one event at a time, JSON in and JSON out.

Frames on stdin and stdout are four bytes of length, then JSON. The first frame on stdout says that the
handler is loaded. Output of the handler goes to stderr, which is the log. This module imports only the
standard library, so that a worker starts as fast as its handler.
"""

import importlib
import json
import os
import queue
import struct
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, BinaryIO

_LENGTH = struct.Struct(">I")
_SECONDS_TO_END = 2

Handler = Callable[[Any, "Context"], Any]


@dataclass(frozen=True)
class Context:
    """The members of Lambda's context object that handlers and Powertools read."""

    aws_request_id: str
    function_name: str
    memory_limit_in_mb: int
    invoked_function_arn: str
    deadline: float
    function_version: str = "$LATEST"
    log_group_name: str = "local"
    log_stream_name: str = "local"
    identity: None = field(default=None, repr=False)
    client_context: None = field(default=None, repr=False)

    def get_remaining_time_in_millis(self) -> int:
        """Return the time until the worker is killed."""
        return max(0, int((self.deadline - time.monotonic()) * 1000))


def read_frame(stream: BinaryIO) -> bytes | None:
    """Read a frame; return None at the end of the stream."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    body = stream.read(length)
    return body if len(body) == length else None


def write_frame(stream: BinaryIO, body: bytes) -> None:
    """Write a whole frame."""
    stream.write(_LENGTH.pack(len(body)) + body)
    stream.flush()


def main(name: str) -> None:
    """Load the handler and serve it until stdin ends."""
    stdin, answers = _take_streams()
    calls: queue.Queue[bytes | None] = queue.Queue()
    threading.Thread(target=_read_calls, args=(stdin, calls), daemon=True).start()
    module, _, attribute = name.rpartition(".")
    try:
        handler: Handler = getattr(importlib.import_module(module), attribute)
    except Exception as error:  # noqa: BLE001 - as in _invoke: a module that fails to load is reported
        write_frame(answers, _failure(error))
        return
    write_frame(answers, b"{}")
    while (frame := calls.get()) is not None:
        write_frame(answers, _invoke(handler, frame))


def _take_streams() -> tuple[BinaryIO, BinaryIO]:
    stdin, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123 - pathlib is not imported for this alone
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr] # it is a TextIOWrapper here
    return stdin, answers


def _read_calls(stream: BinaryIO, calls: "queue.Queue[bytes | None]") -> None:
    # This thread notices the end of stdin even while a handler hangs.
    while (frame := read_frame(stream)) is not None:
        calls.put(frame)
    calls.put(None)
    time.sleep(_SECONDS_TO_END)
    os._exit(1)


def _invoke(handler: Handler, frame: bytes) -> bytes:
    call = json.loads(frame)
    context = Context(
        aws_request_id=call["request_id"],
        function_name=os.environ["AWS_LAMBDA_FUNCTION_NAME"],
        memory_limit_in_mb=int(os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]),
        invoked_function_arn=call["arn"],
        deadline=time.monotonic() + call["seconds"],
    )
    try:
        # As in Lambda's Python 3.13 runtime: without escapes, so a lone surrogate is an error.
        return json.dumps({"answer": handler(call["event"], context)}, ensure_ascii=False).encode()
    except Exception as error:  # noqa: BLE001 - the outermost edge: Lambda, too, reports whatever is raised
        return _failure(error)


def _failure(error: BaseException) -> bytes:
    traceback.print_exception(error)
    return json.dumps({"error": f"{type(error).__name__}: {error}"}).encode()


if __name__ == "__main__":
    main(sys.argv[1])
