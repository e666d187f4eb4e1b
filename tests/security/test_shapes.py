"""Bodies of 5.9 MB of many shapes: none costs much more than a plain one of its size."""

import os
import shutil
import subprocess
import sys

import pytest
import shapes

from tavus_callbacks.aws.stores.subject_events import MOST_BYTES, MOST_PARTS
from tavus_callbacks.domain.common.json_text import count_parts, decode

# Times what the plain body takes, and MiB at the peak, imports included. The dearest took 10 and 138.
MOST_TIMES, MOST_MEBIBYTES = 12, 200
# The least of so many measurements counts: other processes only ever add time.
TRIES = 3


def say(line):
    """Print a row of the table that these tests are run for."""
    print(line)  # noqa: T201 - what `make fuzz` is run for


def test_an_ordinary_transcript_of_5_9_mb_is_read_whole():
    """It has neither too many parts to be filed nor too many to be read in one answer."""
    raw = shapes.SHAPES[shapes.ORDINARY]()

    assert len(raw) > shapes.SIZE
    assert count_parts(decode(raw)) < MOST_PARTS
    assert len(raw) < MOST_BYTES


@pytest.mark.skipif("FUZZ_REQUESTS" not in os.environ, reason="minutes of CPU: `make fuzz` asks for it")
def test_no_shape_costs_much_more_than_a_plain_body(tmp_path):
    """At most 12 times the CPU and 200 MiB, each shape in a process of its own, compared within one run."""
    plain = min(shapes.cost_of(shapes.plain(), tmp_path) for _ in range(TRIES))
    costs = {}
    for name, make in shapes.SHAPES.items():
        cost = costs[name] = measured(make(), plain, tmp_path)
        times = cost.seconds / plain.seconds
        say(f"{times:5.1f} times {cost.mebibytes:4.0f} MiB  {name}: {cost.outcome}")

    assert len(costs) >= 50
    assert [] == [name for name, cost in costs.items() if not is_cheap(cost, plain)]


def measured(body, plain, folder):
    """Measure a body, again where it seems dear: the least counts."""
    cost = shapes.cost_of(body, folder)
    return cost if is_cheap(cost, plain) else min(cost, *(shapes.cost_of(body, folder) for _ in range(2)))


def is_cheap(cost, plain):
    """Return whether a body stays within both limits."""
    return cost.seconds <= MOST_TIMES * plain.seconds and cost.mebibytes <= MOST_MEBIBYTES


@pytest.mark.more
@pytest.mark.timeout(900)
def test_the_worst_known_shapes_stay_cheap_by_their_instructions(tmp_path):
    """Instructions repeat where times do not: the five worst shapes, and the plain body in the same run."""
    began = instructions(b"{}", tmp_path)
    plain = instructions(shapes.plain(), tmp_path) - began
    times = {name: (instructions(shapes.SHAPES[name](), tmp_path) - began) / plain for name in shapes.WORST}

    say(times)
    assert [] == [name for name, found in times.items() if found > MOST_TIMES]


def instructions(body, folder):
    """Count the instructions of a process that reads one body."""
    path, out = folder / "body", folder / "cachegrind.out"
    path.write_bytes(body)
    valgrind = shutil.which("valgrind")
    assert valgrind, "instructions are counted by valgrind: apt-get install valgrind"
    # Without its simulations, cachegrind counts the same and takes two thirds of callgrind's time.
    command = [valgrind, "--tool=cachegrind", "--cache-sim=no", f"--cachegrind-out-file={out}", "--quiet"]
    subprocess.run(  # noqa: S603 - our own words
        [*command, sys.executable, shapes.__file__, str(path)],
        env={**os.environ, "PYTHONHASHSEED": "0"},
        check=True,
        capture_output=True,
    )
    *_, summary = out.read_text(encoding="utf-8").splitlines()
    return int(summary.removeprefix("summary: "))
