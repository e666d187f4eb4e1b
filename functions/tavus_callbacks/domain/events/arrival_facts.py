"""The facts of any subject by its receipt: when and how its events arrived, under which labels and tags."""

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from pydantic import PlainSerializer

from tavus_callbacks.domain.common.view import Moment, Names, View
from tavus_callbacks.domain.events.stored_event import StoredEvent

T = TypeVar("T")

Tags = Annotated[
    frozenset[tuple[str, str]],
    PlainSerializer(sorted, return_type=list[tuple[str, str]], when_used="json"),
]


class ArrivalFacts(View):
    """Times of receipt, sources, labels, and tags as pairs, of one or more events."""

    received_first_at: Moment
    received_last_at: Moment
    received_from: Names
    labels: Names
    tags: Tags

    def merge(self, other: "ArrivalFacts") -> "ArrivalFacts":
        """Return the facts of both together."""
        return ArrivalFacts(
            received_first_at=min(self.received_first_at, other.received_first_at),
            received_last_at=max(self.received_last_at, other.received_last_at),
            received_from=self.received_from | other.received_from,
            labels=self.labels | other.labels,
            tags=self.tags | other.tags,
        )

    def view(self) -> dict[str, Any]:
        """Return the members that every view has; a tag with several values has a list."""
        values: dict[str, list[str]] = {}
        for name, value in sorted(self.tags):
            values.setdefault(name, []).append(value)
        return {
            "tags": {name: several[0] if len(several) == 1 else several for name, several in values.items()},
            "labels": sorted(self.labels),
            "simulated": values.get("simulated") == ["true"],
            "received_first_at": self.received_first_at,
            "received_last_at": self.received_last_at,
            "received_from": sorted(self.received_from),
        }


def arrival_facts(event: StoredEvent) -> ArrivalFacts:
    """Return the facts of one event or variant."""
    return ArrivalFacts(
        received_first_at=event.received_at,
        received_last_at=event.received_at,
        received_from=frozenset((event.source,)),
        labels=frozenset((event.label,)),
        tags=frozenset(event.tags.items()),
    )


def merge_optional(merge: Callable[[T, T], T], first: T | None, second: T | None) -> T | None:
    """Merge two facts; return the other if one is None."""
    if first is None or second is None:
        return second if first is None else first
    return merge(first, second)
