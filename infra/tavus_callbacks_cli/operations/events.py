"""Events as they arrive, and which of them a person asked for."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tavus_callbacks.domain.common.tags import SIMULATED, is_tagged
from tavus_callbacks_cli.targets.api_client import ApiClient, Unavailable

# Seconds between two requests if nothing came.
_PAUSE = 1


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events to show; None and no tags mean all."""

    kind: str | None
    event_type: str | None
    label: str | None
    tags: tuple[tuple[str, str], ...]
    with_simulated: bool = True

    def matches(self, event: dict[str, Any]) -> bool:
        """Tell whether to show an event."""
        if not self.with_simulated and is_tagged(event["tags"], SIMULATED):
            return False
        wanted = {"kind": self.kind, "event_type": self.event_type, "label": self.label}
        return all(value in (None, event[name]) for name, value in wanted.items()) and all(
            is_tagged(event["tags"], tag) for tag in self.tags
        )


def follow_events(
    api: ApiClient, after: str, report: Callable[[Unavailable], object]
) -> Iterator[dict[str, Any]]:
    """Yield every event that is received after a time or cursor, for ever.

    Raises click.ClickException if the first request fails. Later times without an answer are reported.
    """
    page = api.get("/events", {"after": after})
    while True:
        yield from page["events"]
        # There may be more events after a page with events.
        time.sleep(0 if page["events"] else _PAUSE)
        try:
            page = api.get("/events", {"after": page["cursor"]})
        except Unavailable as error:
            report(error)
            page = {"events": [], "cursor": page["cursor"]}
