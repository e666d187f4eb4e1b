"""The kinds of callbacks that take different ways through the receiver."""

import json
import random
from functools import cache

TIME = "2026-07-11T06:48:37.564961Z"


def timed(subject: str, **members: object) -> bytes:
    """Write a callback with a time: one put."""
    content = {"conversation_id": subject, "event_type": "system.shutdown", "timestamp": TIME}
    return json.dumps(content | members).encode()


def timeless(subject: str, **members: object) -> bytes:
    """Write a callback without a time, whose content is its identity."""
    return json.dumps({"conversation_id": subject, "event_type": "x.ready"} | members).encode()


@cache
def noise(size: int) -> str:
    """Return letters that hardly deflate."""
    return random.Random(1).randbytes(size // 2).hex()  # noqa: S311 - no secret, and the same each time


def large(subject: str) -> bytes:
    """Write a callback that needs an object, and fits into a message."""
    return timed(subject, noise=noise(60_000))


def huge(subject: str) -> bytes:
    """Write a callback that needs an object for its message, too."""
    return timed(subject, noise=noise(1_600_000))


def garbage(subject: str) -> bytes:
    """Write text that is not JSON: one update."""
    return f"no sense of {subject}".encode()


def unfileable(subject: str) -> bytes:
    """Write an object that is about nobody, large enough for an object."""
    return json.dumps({"nobody": subject, "noise": noise(60_000)}).encode()
