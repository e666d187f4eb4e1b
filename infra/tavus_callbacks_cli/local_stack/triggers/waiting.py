"""Threads that read a source when something was written to it, and end with the stack."""

import contextlib
import threading
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def reading(
    read: Callable[[threading.Event, threading.Event], None], woken: threading.Event, name: str
) -> Iterator[None]:
    """Run `read(woken, ended)` beside the block; at its end `ended` is set, and what is begun is awaited."""
    ended = threading.Event()
    thread = threading.Thread(target=read, args=(woken, ended), name=name)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        woken.set()
        thread.join()
