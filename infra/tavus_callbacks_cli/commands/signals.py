"""How a command that serves or posts ends: by Ctrl-C, or by a signal of another program."""

import contextlib
import signal
from collections.abc import Iterator
from typing import NoReturn


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
