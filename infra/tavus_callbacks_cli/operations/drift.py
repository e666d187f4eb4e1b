"""Where bodies drift away from what is known of them: summed up from the issues of events."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tavus_callbacks.domain.common import issues
from tavus_callbacks.domain.common.metrics import DRIFT

if TYPE_CHECKING:
    from tavus_callbacks_cli.targets.api_client import ApiClient

# What doctor and simulate send says nothing of Tavus.
SIMULATED = ("simulated", "true")


@dataclass(frozen=True, slots=True)
class Place:
    """Where bodies drift: an event type, and the path of a property unless the type itself is unknown."""

    what: str
    event_type: str
    path: str


@dataclass(slots=True)
class Seen:
    """How often a place was met, first and last by time of receipt."""

    count: int
    first_received_at: str
    last_received_at: str


@dataclass(slots=True)
class Sums:
    """What a span of events holds: `types` counts the events of each type."""

    types: Counter[str] = field(default_factory=Counter)
    simulated: int = 0
    places: dict[Place, Seen] = field(default_factory=dict)

    def add(self, event: dict[str, Any]) -> None:
        """Count an event."""
        if SIMULATED in event.get("tags", {}).items():
            self.simulated += 1
            return
        self.types[event["event_type"]] += 1
        for place in _places(event):
            self._note(place, event["received_at"])

    def _note(self, place: Place, at: str) -> None:
        seen = self.places.setdefault(place, Seen(0, at, at))
        seen.count += 1
        seen.first_received_at = min(seen.first_received_at, at)
        seen.last_received_at = max(seen.last_received_at, at)

    def rows(self) -> list[dict[str, Any]]:
        """Return each place as JSON has it, the one that was met last first."""
        newest = sorted(self.places.items(), key=lambda one: one[1].last_received_at, reverse=True)
        return [
            {
                "what": place.what,
                "event_type": place.event_type,
                "path": place.path or None,
                "count": seen.count,
                "of": self.types[place.event_type],
                "first_received_at": seen.first_received_at,
                "last_received_at": seen.last_received_at,
            }
            for place, seen in newest
        ]


def _places(event: dict[str, Any]) -> Iterable[Place]:
    found = (issue.partition(":") for issue in event.get("issues", ()))
    # An issue of one kind at one path counts once an event, however often it was written there.
    return {Place(what, event["event_type"], path) for what, _, path in found if what in DRIFT}


def received(api: "ApiClient", since: str) -> Iterator[dict[str, Any]]:
    """Yield every event received since a time, until there is no more."""
    page = api.get("/events", {"after": since, "limit": "200"})
    while page["events"]:
        yield from page["events"]
        page = api.get("/events", {"after": page["cursor"], "limit": "200"})


def words_of(what: str) -> str:
    """Return what a kind of drift is called for people."""
    return {
        issues.UNKNOWN_EVENT_TYPE: "unknown event type",
        issues.UNKNOWN_PROPERTY: "unknown property",
        issues.UNEXPECTED_TYPE: "re-typed property",
    }[what]
