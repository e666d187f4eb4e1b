"""Instruction counts: they repeat to a thousandth where times do not, so that a test can hold them.

Init is what a process needs up to its first event, Python's own start left out; a callback is the middle of
many, so that what happens once does not count.
"""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from bench import rie
from bench.bodies import KILOBYTE
from bench.measure import Subject, environment_of
from bench.packages import Packages

_WARM_UP, _CALLS = 5, 25
_TOTAL = re.compile(r"^(?:summary|totals): (\d+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Count:
    """Millions of instructions: from Python's start to the first event, and a callback."""

    init: float
    callback: float


def count(subject: Subject, packages: Packages) -> Count:
    """Count a subject with bodies of 2 KB."""
    with tempfile.TemporaryDirectory() as folder, rie.store(subject.answers, packages.tools.python) as port:
        file = Path(folder) / "events"
        size = 2 * KILOBYTE if subject.sizes[0] else 0
        file.write_bytes(b"\n".join(subject.calls(size, _WARM_UP + _CALLS)))
        with _counted(subject, packages, f"http://127.0.0.1:{port}", file) as counted:
            init = counted.so_far()
            counted.call(_WARM_UP)
            counted.so_far()
            counted.call(_CALLS)
            return Count(init / 1e6, counted.so_far() / _CALLS / 1e6)


@dataclass(slots=True)
class _Counted:
    process: subprocess.Popen[str]
    out: Path
    dumps: int = 0

    def call(self, times: int) -> None:
        """Let the handler be called so often."""
        _pipe(self.process.stdin).write(f"{times}\n")
        _pipe(self.process.stdin).flush()
        self.await_word("called")

    def so_far(self) -> int:
        """Return the instructions since the last time."""
        self.dumps += 1
        command = [_tool("callgrind_control"), "--dump", str(self.process.pid)]
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - our own words
        found = _TOTAL.search(Path(f"{self.out}.{self.dumps}").read_text(encoding="utf-8"))
        if found is None:
            raise LookupError("callgrind wrote no total")
        return int(found[1])

    def await_word(self, word: str) -> None:
        """Wait for a word; raises ChildProcessError with what was said instead of it."""
        said = []
        while (line := _pipe(self.process.stderr).readline()) != f"{word}\n":
            said.append(line)
            if not line:
                raise ChildProcessError("".join(said))


@contextmanager
def _counted(subject: Subject, packages: Packages, address: str, file: Path) -> Iterator[_Counted]:
    out = file.with_name("callgrind.out")
    python = [packages.tools.python, "-S", str(Path(__file__).with_name("counted.py"))]
    counting = [_tool("valgrind"), "--tool=callgrind", f"--callgrind-out-file={out}", "--quiet"]
    path = os.pathsep.join(str(folder) for folder in subject.folders)
    environment = {**rie.LAMBDA, **environment_of(address), "PYTHONPATH": path, "PYTHONHASHSEED": "0"}
    with subprocess.Popen(  # noqa: S603 - our own words
        [*counting, *python, subject.handler, str(file)],
        env={**environment, "POWERTOOLS_SERVICE_NAME": subject.name},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            counted = _Counted(process, out)
            counted.await_word("loaded")
            yield counted
        finally:
            rie.stop(process)


def _tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise LookupError("instructions are counted by valgrind: apt-get install valgrind")
    return found


def _pipe(pipe: IO[str] | None) -> IO[str]:
    if pipe is None:
        raise TypeError("a pipe was asked for")
    return pipe
