"""Counts instructions. Unlike times, they repeat to a thousandth, so a test can check them.

Init is the count up to the first event, without Python's own start. A callback is the mean of many, so that
work which happens once does not count.
"""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from bench import rie
from bench.bodies import KILOBYTE
from bench.measure import Subject, environment_of
from bench.packages import Packages

_WARM_UP, _CALLS = 5, 25
EVENTS = _WARM_UP + _CALLS
_SCRIPT = Path(__file__).with_name("counted.py")
_TOTAL = re.compile(r"^(?:summary|totals): (\d+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Count:
    """Millions of instructions, up to the first event and for a callback."""

    init: float
    callback: float


def count(subject: Subject, packages: Packages) -> Count:
    """Count a subject with bodies of 2 KB."""
    python = packages.tools.python
    with rie.store(subject.answers, python) as port:
        environment = {
            **rie.LAMBDA,
            **environment_of(f"http://127.0.0.1:{port}"),
            "POWERTOOLS_SERVICE_NAME": subject.name,
        }
        events = subject.calls(2 * KILOBYTE if subject.sizes[0] else 0, EVENTS)
        function = rie.Function(subject.handler, subject.folders, environment)
        return count_calls(python, function, events)


def count_calls(python: str, function: rie.Function, events: Sequence[bytes]) -> Count:
    """Count the instructions of a handler with `EVENTS` events; raises LookupError without valgrind."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "callgrind.out"
        valgrind = [_tool("valgrind"), "--tool=callgrind", f"--callgrind-out-file={out}", "--quiet"]
        with start(python, function, events, under=valgrind) as caller:
            counter = _Counter(caller.process.pid, out)
            init = counter.new_instructions()
            caller.call(_WARM_UP)
            counter.new_instructions()
            caller.call(_CALLS)
            return Count(init / 1e6, counter.new_instructions() / _CALLS / 1e6)


@dataclass(slots=True)
class _Counter:
    pid: int
    out: Path
    dumps: int = 0

    def new_instructions(self) -> int:
        """Return the instructions since the previous call."""
        self.dumps += 1
        command = [_tool("callgrind_control"), "--dump", str(self.pid)]
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - our own words
        total = _TOTAL.search(Path(f"{self.out}.{self.dumps}").read_text(encoding="utf-8"))
        if total is None:
            raise LookupError("callgrind wrote no total")
        return int(total[1])


@dataclass(frozen=True, slots=True)
class Caller:
    """A process of the target's Python that calls a handler on request."""

    process: subprocess.Popen[str]

    def call(self, times: int) -> float:
        """Call the handler `times` times; return the CPU in seconds that the process has used so far."""
        _pipe(self.process.stdin).write(f"{times}\n")
        _pipe(self.process.stdin).flush()
        return self.await_end()

    def await_end(self) -> float:
        """Wait for the end of a step; raises ChildProcessError with the other lines if the process ends."""
        lines = []
        while not (line := _pipe(self.process.stderr).readline()).startswith("done "):
            lines.append(line)
            if not line:
                raise ChildProcessError("".join(lines))
        return float(line.partition(" ")[2])


@contextmanager
def start(
    python: str, function: rie.Function, events: Sequence[bytes], *, under: Sequence[str] = ()
) -> Iterator[Caller]:
    """Load a function for calls with these events, without Lambda's runtime; `under` is another program."""
    path = os.pathsep.join(str(each) for each in function.folders)
    variables = {**function.environment, "PYTHONPATH": path, "PYTHONHASHSEED": "0"}
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"\n".join(events))
        file.flush()
        with subprocess.Popen(  # noqa: S603 - our own words
            [*under, python, "-S", str(_SCRIPT), function.handler, file.name],
            env=variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                caller = Caller(process)
                caller.await_end()
                yield caller
            finally:
                rie.stop(process)


def _tool(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise LookupError("instructions are counted by valgrind: apt-get install valgrind")
    return path


def _pipe(pipe: IO[str] | None) -> IO[str]:
    if pipe is None:
        raise TypeError("a pipe was asked for")
    return pipe
