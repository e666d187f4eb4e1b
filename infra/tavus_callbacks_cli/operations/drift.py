"""Drift: where bodies differ from the models, counted from the issues of events."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tavus_callbacks.domain.common import issues
from tavus_callbacks.domain.common.metrics import DRIFT
from tavus_callbacks.domain.common.tags import SIMULATED

# The kinds of drift, in words for people.
WORDS = {
    issues.UNKNOWN_EVENT_TYPE: "unknown event type",
    issues.UNKNOWN_PROPERTY: "unknown property",
    issues.UNEXPECTED_TYPE: "re-typed property",
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where bodies drift: an event type, and the path of a property unless the type itself is unknown."""

    what: str
    event_type: str
    path: str


@dataclass(slots=True)
class Occurrences:
    """How often a place drifted, and when first and last by time of receipt."""

    count: int
    first_received_at: str
    last_received_at: str


@dataclass(slots=True)
class DriftCounts:
    """The drift in many events; `types` counts the events of each type, `simulated` those left out."""

    with_simulated: bool = False
    types: Counter[str] = field(default_factory=Counter)
    simulated: int = 0
    places: dict[Place, Occurrences] = field(default_factory=dict)

    def add(self, event: dict[str, Any]) -> None:
        """Count an event."""
        # Events that doctor and simulate send say nothing about Tavus.
        if not self.with_simulated and SIMULATED in event.get("tags", {}).items():
            self.simulated += 1
            return
        event_type, at = event["event_type"], event["received_at"]
        self.types[event_type] += 1
        parts = (issue.partition(":") for issue in event.get("issues", ()))
        # An issue of one kind at one path counts once an event, however often the body has it.
        for place in {Place(what, event_type, path) for what, _, path in parts if what in DRIFT}:
            occurrences = self.places.setdefault(place, Occurrences(0, at, at))
            occurrences.count += 1
            occurrences.first_received_at = min(occurrences.first_received_at, at)
            occurrences.last_received_at = max(occurrences.last_received_at, at)

    def rows(self) -> list[dict[str, Any]]:
        """Return each place as JSON, the one with the latest event first."""
        newest = sorted(self.places.items(), key=lambda item: item[1].last_received_at, reverse=True)
        return [
            {
                "what": place.what,
                "event_type": place.event_type,
                "path": place.path or None,
                "count": occurrences.count,
                "of": self.types[place.event_type],
                "first_received_at": occurrences.first_received_at,
                "last_received_at": occurrences.last_received_at,
            }
            for place, occurrences in newest
        ]
