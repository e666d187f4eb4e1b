"""One deadline a phase: an attempt that fits in is made, a request that might outlast it is not sent."""

from types import SimpleNamespace

import pytest

from tavus_callbacks.aws import retries
from tavus_callbacks.aws.retries import ATTEMPT, OutOfTime, check_deadline, retry_until
from tavus_callbacks.domain.common.errors import StoreDown


class Clock:
    """A clock that advances only while somebody waits or works."""

    def __init__(self):
        self.now, self.pauses = 0.0, []

    def __call__(self):
        """Return the time."""
        return self.now

    def sleep(self, seconds):
        """Advance the clock."""
        self.pauses.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch):
    """Return a clock that the pauses advance; each pause has its greatest length."""
    made = Clock()
    monkeypatch.setattr(retries, "time", SimpleNamespace(monotonic=made, sleep=made.sleep))
    monkeypatch.setattr(retries.random, "uniform", lambda _least, most: most)
    return made


def failing(clock, seconds, *, may_pass=True):
    """Make a call that takes its time and fails, and counts how often."""
    calls = []

    def call():
        calls.append(clock.now)
        check_deadline()
        clock.now += seconds
        raise StoreDown("Throttled", may_pass=may_pass)

    return call, calls


def test_what_fails_at_once_is_tried_again_with_growing_pauses(clock):
    """Attempts are made while they fit in; then the error of the last one is raised."""
    call, calls = failing(clock, 0.01)

    with pytest.raises(StoreDown, match="Throttled"):
        retry_until(1.2, call)

    assert [0.05, 0.1, 0.2] == clock.pauses
    assert 4 == len(calls)
    assert calls[-1] + ATTEMPT <= 1.2


def test_what_fails_slowly_is_tried_once(clock):
    """Two slow attempts would outlast the deadline."""
    call, calls = failing(clock, 0.7)

    with pytest.raises(StoreDown):
        retry_until(1.2, call)

    assert 1 == len(calls)


def test_what_fails_for_good_is_not_tried_again(clock):
    """A missing permission does not appear within a second."""
    call, calls = failing(clock, 0.0, may_pass=False)

    with pytest.raises(StoreDown):
        retry_until(1.2, call)

    assert 1 == len(calls)


def test_our_own_work_moves_the_deadline(clock):
    """A body that takes seconds to compress leaves AWS its whole time."""

    def pack_and_send():
        clock.now += 3.0
        check_deadline()
        clock.now += 0.45
        check_deadline()
        return "kept"

    assert "kept" == retry_until(1.2, pack_and_send)


def test_a_phase_sends_its_first_request_however_late_it_is(clock):
    """Our own work on a large body does not make a healthy store fail."""
    clock.now = 5.0

    assert "kept" == retry_until(1.2, lambda: check_deadline() or "kept")


def test_a_request_that_might_outlast_the_deadline_is_not_sent(clock):
    """If two answers are as slow as the client tolerates, the third request is not sent."""
    sent = []

    def three_requests():
        for _ in range(3):
            check_deadline()
            sent.append(clock.now)
            clock.now += 0.45

    with pytest.raises(OutOfTime):
        retry_until(1.2, three_requests)

    assert [0.0, 0.45] == sent


@pytest.mark.usefixtures("clock")
def test_outside_of_a_phase_every_request_is_sent():
    """A call that nobody waits for has no deadline, and a phase that ended leaves none behind."""
    retry_until(0.0, check_deadline)

    check_deadline()
    check_deadline()
