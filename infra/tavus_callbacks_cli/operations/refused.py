"""Callbacks that are refused while `tail` runs: the newest entries of quarantine."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from tavus_callbacks_cli.targets.api_client import ApiClient, Unavailable

Entry = dict[str, Any]

# Entries of one request: the first goes back to `--since`, later ones only a few seconds.
_FIRST, _LATER = "200", "20"


@dataclass(slots=True)
class RefusedFeed:
    """Entries received after a time (ISO 8601), requested at most once in `pause` seconds."""

    api: ApiClient
    after: str
    pause: float
    _counts: dict[str, int] = field(default_factory=dict)
    _asked_at: float | None = None

    def newest(self) -> Iterator[Entry]:
        """Yield what was refused since the last request, oldest first; nothing if the pause is not over.

        A body that arrives again is yielded again. Raises click.ClickException, but not for an API that is
        unavailable for a while.
        """
        now = time.monotonic()
        if self._asked_at is not None and now - self._asked_at < self.pause:
            return
        limit = _FIRST if self._asked_at is None else _LATER
        try:
            entries = list(islice(self.api.items("/quarantine", {"limit": limit}), int(limit)))
        except Unavailable:
            return
        self._asked_at = now
        entries.sort(key=lambda entry: entry["last_received_at"])
        for entry in entries:
            name, count = entry["quarantine_id"], entry["count"]
            if entry["last_received_at"] > self.after and self._counts.get(name) != count:
                self._counts[name] = count
                yield entry
