"""Measures how long commands take to answer, the start of a stack and its end: `make bench-commands`.

The commands work on a local stack with a few simulated conversations. The machine should be idle.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

ROUNDS = 5
SCENARIOS = ("conversation", "recording", "malformed")
# Seconds at most, by the words of a command.
_READ = 0.6
LIMITS = {
    "--help": 0.35,
    "list --help": 0.35,
    "env --local": 0.35,
    "list --local": _READ,
    "list events --local": _READ,
    "show latest --local": _READ,
    "transcript latest --local": _READ,
    "recording latest --local": _READ,
    "stats --local": _READ,
    "quarantine list --local": _READ,
    "failed list --local": _READ,
    "token list --local": _READ,
    "problems --local": 0.8,
}
STEPS = {"first line of `local`": 0.5, "`local` until it is ready": 4.0, "Ctrl-C until the end": 3.0}


@dataclass(frozen=True, slots=True)
class Figure:
    """A measurement in seconds, and its limit."""

    name: str
    seconds: float
    most: float

    def row(self) -> str:
        """Return the row of the table."""
        mark = "" if self.seconds <= self.most else " (over)"
        return f"| {self.name} | {self.seconds:.2f} s | {self.most:g} s{mark} |"


@contextmanager
def running_stack(program: str, environment: dict[str, str]) -> Iterator[list[float]]:
    """Run a stack on a free port until the block ends. Yields the seconds of STEPS, the last at the end."""
    seconds: list[float] = []
    began = time.monotonic()
    process = subprocess.Popen(  # noqa: S603 - our own command
        [program, "local", "--port", "0"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    for line in process.stdout or ():
        if not seconds:
            seconds.append(time.monotonic() - began)
        if line.startswith("Press Ctrl-C"):
            break
    seconds.append(time.monotonic() - began)
    try:
        yield seconds
    finally:
        began = time.monotonic()
        process.terminate()
        process.communicate()
        seconds.append(time.monotonic() - began)


def measure(program: str, words: str, environment: dict[str, str]) -> float:
    """Return the median of the seconds of a command; raises RuntimeError if it fails."""
    seconds = []
    for _ in range(ROUNDS):
        began = time.monotonic()
        done = subprocess.run([program, *words.split()], env=environment, capture_output=True, check=False)  # noqa: S603 - our own command
        seconds.append(time.monotonic() - began)
        # `problems` ends with 1 if there are any.
        if b"Error" in done.stderr:
            raise RuntimeError(f"{words}: {done.stderr.decode()}")
    return median(seconds)


def figures(program: str, folder: Path) -> Iterator[Figure]:
    """Yield what is measured: commands on one stack, and the medians of starts and ends."""
    environment = {**os.environ, "TAVUS_CALLBACKS_STATE": str(folder)}
    with running_stack(program, environment):
        for name in SCENARIOS:
            command = [program, "simulate", name, "--local"]
            subprocess.run(command, env=environment, capture_output=True, check=True)  # noqa: S603 - our own command
        for words, most in LIMITS.items():
            yield Figure(f"`tavus-callbacks {words}`", measure(program, words, environment), most)
    starts = []
    for number in range(ROUNDS):
        own = {**environment, "TAVUS_CALLBACKS_STATE": str(folder / str(number))}
        with running_stack(program, own) as seconds:
            starts.append(seconds)
    for (name, most), step in zip(STEPS.items(), zip(*starts, strict=True), strict=True):
        yield Figure(name, median(step), most)


def main() -> None:
    """Print the table."""
    program = str(Path(sys.executable).parent / "tavus-callbacks")
    with TemporaryDirectory() as folder:
        rows = list(figures(program, Path(folder)))
    lines = [f"| command | median of {ROUNDS} | limit |", "|---|---:|---:|", *(row.row() for row in rows)]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
