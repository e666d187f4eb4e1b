"""Counts instructions. Unlike times, they repeat to a thousandth, so a test can check them.

Init is the count up to the first event, without Python's own start. A callback is the mean of many, so that
work which happens once does not count.
"""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
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
        return count_calls(python, subject.handler, subject.folders, environment, events)


def count_calls(
    python: str,
    handler: str,
    folders: Sequence[Path],
    environment: Mapping[str, str],
    events: Sequence[bytes],
) -> Count:
    """Count the instructions of a handler with `EVENTS` events; raises LookupError without valgrind."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "events"
        file.write_bytes(b"\n".join(events))
        path = os.pathsep.join(str(each) for each in folders)
        variables = {**environment, "PYTHONPATH": path, "PYTHONHASHSEED": "0"}
        with _start([python, "-S", str(_SCRIPT), handler, str(file)], variables, file) as process:
            init = process.new_instructions()
            process.call(_WARM_UP)
            process.new_instructions()
            process.call(_CALLS)
            return Count(init / 1e6, process.new_instructions() / _CALLS / 1e6)


@dataclass(slots=True)
class _Process:
    process: subprocess.Popen[str]
    out: Path
    dumps: int = 0

    def call(self, times: int) -> None:
        """Call the handler so many times."""
        _pipe(self.process.stdin).write(f"{times}\n")
        _pipe(self.process.stdin).flush()
        self.await_word("called")

    def new_instructions(self) -> int:
        """Return the instructions since the previous call."""
        self.dumps += 1
        command = [_tool("callgrind_control"), "--dump", str(self.process.pid)]
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - our own words
        total = _TOTAL.search(Path(f"{self.out}.{self.dumps}").read_text(encoding="utf-8"))
        if total is None:
            raise LookupError("callgrind wrote no total")
        return int(total[1])

    def await_word(self, word: str) -> None:
        """Wait for a word; raises ChildProcessError with the other lines if the process ends."""
        lines = []
        while (line := _pipe(self.process.stderr).readline()) != f"{word}\n":
            lines.append(line)
            if not line:
                raise ChildProcessError("".join(lines))


@contextmanager
def _start(command: list[str], environment: Mapping[str, str], file: Path) -> Iterator[_Process]:
    out = file.with_name("callgrind.out")
    valgrind = [_tool("valgrind"), "--tool=callgrind", f"--callgrind-out-file={out}", "--quiet"]
    with subprocess.Popen(  # noqa: S603 - our own words
        [*valgrind, *command],
        env=dict(environment),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            counted = _Process(process, out)
            counted.await_word("loaded")
            yield counted
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
