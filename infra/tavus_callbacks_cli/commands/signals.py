"""How a command that serves or posts ends: by Ctrl-C, or by a signal of another program."""

import contextlib
import signal
from collections.abc import Iterator
from typing import NoReturn

# Seconds between Ctrl-C and its repetitions.
_AGAIN = 1.0


@contextlib.contextmanager
def ctrl_c_repeats() -> Iterator[None]:
    """Repeat Ctrl-C every second until the block ends.

    It can reach httpcore between the moment when it takes a lock and the moment when it knows that it has to
    give it back. The clean-up then waits for that lock forever, if nothing interrupts it.
    """

    def end(_number: int, _frame: object) -> NoReturn:
        signal.setitimer(signal.ITIMER_REAL, _AGAIN, _AGAIN)
        raise KeyboardInterrupt

    # A shell lets the commands that a script starts in the background ignore SIGINT.
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        yield
        return
    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGALRM)}
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def one_signal_ends() -> Iterator[None]:
    """Turn the first signal into KeyboardInterrupt and ignore later ones, which disturb the clean-up."""

    def end(_number: int, _frame: object) -> NoReturn:
        for number in before:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    # A shell lets the commands that a script starts in the background ignore SIGINT.
    ending = [signal.SIGINT, signal.SIGTERM]
    # nohup lets its command ignore SIGHUP.
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        ending.append(signal.SIGHUP)
    before = {number: signal.signal(number, end) for number in ending}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
