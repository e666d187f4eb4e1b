"""A thread that reads a source after each write, and ends with the stack."""

import contextlib
import threading
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def run_reader(
    read: Callable[[threading.Event, threading.Event], None], woken: threading.Event, name: str
) -> Iterator[None]:
    """Run `read(woken, ended)` in a thread; at the end of the block set `ended` and wait for the thread."""
    ended = threading.Event()
    thread = threading.Thread(target=read, args=(woken, ended), name=name)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        woken.set()
        thread.join()
