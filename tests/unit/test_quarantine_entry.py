"""Quarantine entries: named by what they hold, so that equal garbage is one entry."""

from datetime import UTC, datetime

import pytest

from tavus_callbacks.domain.callbacks.event import Callback
from tavus_callbacks.domain.callbacks.quarantine import quarantine_entry
from tavus_callbacks.domain.common.errors import FieldError, NotAnObject, Unfileable
from tavus_callbacks.domain.common.token import new_token

NOW = datetime(2026, 1, 2, tzinfo=UTC)
ERROR = NotAnObject("The body is not JSON.")


def entry(raw, *, query="", label="l", error=ERROR):
    """Make an entry."""
    return quarantine_entry(Callback(raw, query, label, NOW), error)


def test_equal_garbage_has_one_id_whatever_token_it_came_by():
    """Token, label and time say nothing of what came."""
    first, second = (entry(b"x " + new_token().encode(), label=label) for label in ("a", "b"))

    assert first.quarantine_id == second.quarantine_id
    assert (b"x -REDACTED-", b"x -REDACTED-") == (first.packed.data, second.packed.data)


def test_other_garbage_has_another_id():
    """One byte more is another entry."""
    assert entry(b"x").quarantine_id != entry(b"x ").quarantine_id


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ERROR, (400, "Not a JSON object", "The body is not JSON.")),
        (Unfileable("No.", FieldError("a", "b")), (422, "Cannot be filed", "No.")),
    ],
)
def test_an_entry_says_why(error, expected):
    """Status, title and detail of the answer are kept with the body."""
    made = entry(b"x", error=error, query="user=1&t=\n")

    assert (expected, {"user": "1"}) == ((made.status, made.title, made.detail), made.tags)
