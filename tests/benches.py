"""Functions of `infra/bench`, a package that the environment lacks, run in a process of their own."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def run(statements: str) -> subprocess.CompletedProcess[str]:
    """Run statements that import modules of `infra/bench`."""
    return subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", statements],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "infra")},
        capture_output=True,
        text=True,
        check=False,
    )


def printed(statements: str) -> list[str]:
    """Return the lines that statements print; nothing else may be said."""
    done = run(statements)
    assert (0, "") == (done.returncode, done.stderr)
    return done.stdout.splitlines()
