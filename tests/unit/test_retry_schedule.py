"""When a push is posted again: for a day, after growing pauses, later if the server asks for it."""

from datetime import UTC, datetime, timedelta

import pytest

from tavus_callbacks.domain.pushes.retry_schedule import next_pause

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def rest(attempt=1, age=timedelta(0), status=500, retry_after=None):
    """Return the pause after an attempt."""
    return next_pause(attempt, age=age, status=status, retry_after=retry_after, now=NOW)


def test_a_target_that_never_answers_is_tried_for_a_day():
    """Attempts come soon at first, then every two hours, and a last time when the day ends."""
    age, attempts, rests = timedelta(0), 1, []
    while (more := rest(attempts, age)) is not None:
        rests.append(more)
        age, attempts = age + more * SECOND, attempts + 1

    assert [5, 30, 120, 600, 1800, 3600, 7200, 7200] == rests[:8]
    assert timedelta(days=1) == age
    assert 15 < attempts < 25


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("120", 120),
        (" 3 ", 5),
        ("0", 5),
        ("-1", 5),
        ("soon", 5),
        ("", 5),
        (None, 5),
        ("9" * 4000, 21600),
        ("²", 5),
        ("Mon, 01 Mar 2027 12:10:00 GMT", 600),
        ("Mon, 01 Mar 2027 11:10:00 GMT", 5),
    ],
)
def test_a_target_can_ask_for_more_time(asked, expected):
    """Retry-After is seconds or a date. The pause is never shorter than usual and at most six hours."""
    assert expected == rest(retry_after=asked)


def test_a_long_rest_ends_with_the_day():
    """A pause late in the day is cut short, so that a last attempt is made."""
    assert 60 == rest(9, timedelta(days=1) - 60 * SECOND, retry_after="3600")


def test_a_target_that_is_gone_is_asked_no_more():
    """410 ends the attempts."""
    assert rest(status=410) is None
