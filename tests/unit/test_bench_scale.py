"""The simulation of docs/scale.md keeps working, and its goal is kept by the real keys."""

import pytest

import benches

# Write units that one partition takes a second; the goal is half of them.
PARTITION = 1_000
HEAT = """
import random
from bench.scale import simulate
found = simulate(10_000, 10_000, random.Random(1))
print(found.events.hottest, found.receipts.hottest, found.listing.hottest)
"""


@pytest.mark.slow
def test_no_partition_is_hotter_than_half_its_limit():
    """At 10,000 callbacks a second no key of the table or of an index takes 500 write units a second."""
    [line] = benches.printed(HEAT)

    heats = [float(each) for each in line.split()]
    assert 3 == len(heats)
    assert PARTITION / 2 >= max(heats)
