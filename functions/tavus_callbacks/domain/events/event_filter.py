"""The criteria of a list of events."""

from dataclasses import dataclass

from tavus_callbacks.domain.events.stored_event import StoredEvent


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events a list contains; None matches everything. `issue` is a code, or `code:path`."""

    kind: str | None = None
    event_type: str | None = None
    label: str | None = None
    issue: str | None = None
    simulated: bool | None = None

    def matches(self, event: StoredEvent) -> bool:
        """Return whether an event is in the list."""
        return (
            self.kind in (None, event.kind)
            and self.event_type in (None, event.event_type)
            and self.label in (None, event.label)
            and self.simulated in (None, event.is_simulated)
            and (self.issue is None or self._has_issue(event))
        )

    def _has_issue(self, event: StoredEvent) -> bool:
        return any(self.issue in (issue, issue.partition(":")[0]) for issue in event.issues)
