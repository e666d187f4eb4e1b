"""Tombstones: a digest instead of a name, kept longer than anything that could bring its subject back."""

from datetime import timedelta

import pytest

from tavus_callbacks.domain.common.digests import digest
from tavus_callbacks.domain.common.tombstone import lifetime

DAY = timedelta(days=1)


def test_a_tombstone_names_nobody():
    """The digest holds no letter of the id, and differs by kind and by id."""
    names = {digest(each) for each in ("conversation#c1", "conversation#c12", "video#c1")}

    assert 3 == len(names)
    assert all(32 == len(name) and "c1#" not in name for name in names)


@pytest.mark.parametrize(
    ("days", "expected"),
    [((7, 90, 30), 97), ((7, 3), 42), ((400,), 407), ((), 42), ((7, None), None), ((None, None), None)],
)
def test_a_tombstone_outlasts_what_is_kept_longest(days, expected):
    """Longer than every retention and than AWS's own copies; what is kept for ever has one for ever."""
    found = lifetime(None if each is None else each * DAY for each in days)

    assert (expected is None and found is None) or expected * DAY == found
