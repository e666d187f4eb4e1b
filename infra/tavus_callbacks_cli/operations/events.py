"""Events as they arrive, which of them a person asked for, and how to wait for a busy stack."""

import math
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote

import click

from tavus_callbacks.domain.common.tags import SIMULATED, is_tagged
from tavus_callbacks_cli.targets.api_client import ApiClient, Unavailable

T = TypeVar("T")
Event = dict[str, Any]

# Seconds between two requests if nothing came, and at most between two that failed.
_PAUSE, _LONGEST_PAUSE = 1.0, 60.0
# Seconds of waiting for one answer, in commands that come to an end.
PATIENCE = 300.0

Wait = Callable[[float], object]
Report = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events to take; None, no types and no tags mean all."""

    kind: str | None = None
    event_types: Collection[str] = ()
    label: str | None = None
    tags: tuple[tuple[str, str], ...] = ()
    with_simulated: bool = True

    def matches(self, event: Event) -> bool:
        """Tell whether to take an event."""
        if not self.with_simulated and is_tagged(event["tags"], SIMULATED):
            return False
        if self.event_types and event["event_type"] not in self.event_types:
            return False
        wanted = {"kind": self.kind, "label": self.label}
        return all(value in (None, event[name]) for name, value in wanted.items()) and all(
            is_tagged(event["tags"], tag) for tag in self.tags
        )


def row_id(event: Event) -> str:
    """Return the id of an event, or of the variant that it is."""
    return str(event.get("variant_id") or event["event_id"])


def read_body(api: ApiClient, event: Event) -> bytes:
    """Return the stored bytes of an event: as they came, not parsed and written again; raises as the API."""
    return api.content(f"/events/{quote(row_id(event), safe='')}/body")


def read_page(api: ApiClient, **query: str) -> dict[str, Any]:
    """Return the page of the feed after a time or cursor; raises ClickException, also for other JSON."""
    page = api.get("/events", query)
    if not (isinstance(page.get("events"), list) and isinstance(page.get("cursor"), str)):
        raise click.ClickException(f"The answer is not a page of events. {api.if_unreachable}")
    return page


def follow_events(api: ApiClient, after: str, report: Report, wait: Wait | None = None) -> Iterator[Event]:
    """Yield every event that is received after a time or cursor, for ever.

    Raises click.ClickException if nothing answers the first request. Later times without an answer are
    reported, and then it waits longer each time. `wait` takes the seconds until the next request.
    """
    wait = wait or time.sleep
    page = ask_patiently(lambda: read_page(api, after=after), report, wait=wait, is_first=True)
    while True:
        yield from page["events"]
        # There may be more events after a page with events.
        wait(0 if page["events"] else _PAUSE)
        cursor = page["cursor"]
        page = ask_patiently(lambda: read_page(api, after=cursor), report, wait=wait)  # noqa: B023 - called at once


def ask_patiently(
    ask: Callable[[], T],
    report: Report,
    *,
    patience: float = math.inf,
    wait: Wait | None = None,
    is_first: bool = False,
) -> T:
    """Return an answer of the API; while it is unavailable, ask again after 1 s, 2 s, 4 s, …, 60 s.

    A longer Retry-After is followed if `patience` is limited. Raises Unavailable once the next wait would
    exceed `patience`, in seconds, and at once if nothing answers a first request: a wrong address never does.
    """
    pause, waited = _PAUSE, 0.0
    while True:
        try:
            return ask()
        except Unavailable as error:
            if is_first and error.status is None:
                raise
            asked = error.retry_after or 0.0
            seconds = max(pause, asked if patience < math.inf else min(asked, _LONGEST_PAUSE))
            if waited + seconds > patience:
                raise
            message = error.message.removesuffix(" Try again in a moment.")
            report(f"{message} Next attempt in {seconds:g} s.")
        (wait or time.sleep)(seconds)
        waited += seconds
        pause = min(2 * pause, _LONGEST_PAUSE)
