"""A command that serves ends by the first signal, and its clean-up is not disturbed."""

import contextlib
import os
import signal

import pytest

from tavus_callbacks_cli.commands.signals import one_signal_ends

ENDING = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.fixture(autouse=True)
def handlers():
    """Give back the handlers of this process."""
    before = {number: signal.getsignal(number) for number in ENDING}
    yield before
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", ENDING)
def test_the_first_signal_ends_and_later_ones_do_not_disturb(handlers, number):
    """The clean-up runs to its end, and then the handlers are what they were."""
    cleaned = False

    with contextlib.suppress(KeyboardInterrupt), one_signal_ends():
        try:
            os.kill(os.getpid(), number)
        finally:
            for later in ENDING:
                os.kill(os.getpid(), later)
            cleaned = True

    assert cleaned
    assert handlers == {each: signal.getsignal(each) for each in ENDING}


def test_a_command_under_nohup_outlives_its_terminal():
    """Nohup lets it ignore SIGHUP, and it goes on ignoring it."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)

    with one_signal_ends():
        os.kill(os.getpid(), signal.SIGHUP)
