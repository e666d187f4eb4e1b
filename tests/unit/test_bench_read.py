"""`make bench-read` keeps working: questions are asked of a store that answers at once."""

import pytest

import benches

# The source with this environment's packages, because a build takes a minute.
MEASURE = """
import sys
from pathlib import Path
from bench.packages import ROOT
from bench.read import QUESTIONS, measure
packages = [Path(path) for path in sys.path if path.endswith("site-packages")]
question = QUESTIONS[{name!r}]
figures = measure(question, sys.executable, [ROOT / "functions", *packages], rounds=1)
print(question.calls, figures["calls"], figures["median"])
"""
WITHOUT_PYTHON = """
import sys
from bench import packages, read
build = packages.artifact()
build.find_python = lambda version: None
packages.artifact = lambda: build
read.main()
"""


@pytest.mark.parametrize(
    "name", ["its subtitles for a recording", "a page of 50 conversations", "… with one tag"]
)
def test_reading_can_be_measured(name):
    """The reader gets every setting and answer, and makes no more calls than allowed."""
    [line] = benches.printed(MEASURE.format(name=name))

    allowed, made, milliseconds = map(float, line.split())
    assert 0 < made <= allowed
    assert milliseconds > 0


def test_a_missing_python_is_named():
    """Without the Python that the template declares, nothing else is measured in its place."""
    done = benches.run(WITHOUT_PYTHON)

    assert (1, "") == (done.returncode, done.stdout)
    assert "Install it, for example with `uv python install 3." in done.stderr
