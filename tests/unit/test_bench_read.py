"""`make bench-read` keeps working: what it measures is asked once."""

import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).resolve().parents[2] / "infra" / "bench" / "read.py"


def test_reading_can_be_measured():
    """The bench gives the reader every setting that it asks for."""
    asked = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, str(BENCH), "--once", "a conversation of 10 events", "1"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (0, "") == (asked.returncode, asked.stderr)
