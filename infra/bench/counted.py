"""Runs with the target's Python, also under callgrind: loads a handler and calls it on request.

Arguments: the handler, and a file with one event a line. Each line of stdin is the number of events to handle
next. The script confirms each step by a line on stderr, with the seconds of CPU that the process has used, so
that the parent can count in between.
"""

import importlib
import json
import sys
import time
from pathlib import Path
from types import SimpleNamespace

CONTEXT = SimpleNamespace(
    function_name="bench",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:us-east-1:123456789012:function:bench",
    aws_request_id="1",
    get_remaining_time_in_millis=lambda: 60_000,
)


def main(handler: str, file: str) -> None:
    """Call the handler on request."""
    events = iter(Path(file).read_bytes().splitlines())
    module, _, name = handler.rpartition(".")
    called = getattr(importlib.import_module(module), name)
    _confirm()
    for line in sys.stdin:
        for _ in range(int(line)):
            answer = called(json.loads(next(events)), CONTEXT)
            # A fast failure would look like a good figure.
            if isinstance(answer, dict) and answer.get("statusCode", 200) != 200:  # noqa: PLR2004 - HTTP
                raise ValueError(answer)
        _confirm()


def _confirm() -> None:
    sys.stderr.write(f"done {time.process_time()}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
