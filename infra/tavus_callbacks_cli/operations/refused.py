"""Callbacks that are refused while `tail` runs: the newest entries of quarantine."""

import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from typing import Any

from tavus_callbacks_cli.targets.api_client import ApiClient, Unavailable

Entry = dict[str, Any]

# Entries of one request: the first goes back to `--since`, later ones only a few seconds.
_FIRST, _LATER = 200, 20


def follow_refused(api: ApiClient, after: str, pause: float) -> Iterator[list[Entry]]:
    """Yield, as often as you ask, what was refused since the last time, oldest first.

    It begins after a time (ISO 8601). The API is asked at most once in `pause` seconds, and between that the
    lists are empty. A body that arrives again is yielded again if it is among the newest: the list is
    sorted by the first receipt. Raises click.ClickException, but not for an API that is unavailable for a
    while.
    """
    counts: dict[str, int] = {}
    limit, due_at = _FIRST, time.monotonic()
    while True:
        entries: list[Entry] = []
        if time.monotonic() >= due_at:
            with suppress(Unavailable):
                entries = list(islice(api.items("/quarantine", {"limit": str(limit)}), limit))
                limit, due_at = _LATER, time.monotonic() + pause
        fresh = [
            entry
            for entry in sorted(entries, key=lambda entry: entry["last_received_at"])
            if entry["last_received_at"] > after and counts.get(entry["quarantine_id"]) != entry["count"]
        ]
        counts |= {entry["quarantine_id"]: entry["count"] for entry in fresh}
        # There may be more than fit the short page.
        if len(fresh) == _LATER:
            limit, due_at = _FIRST, time.monotonic()
        yield fresh
