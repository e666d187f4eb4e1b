"""What receiving says of any subject: when and how its callbacks came, under which labels and tags."""

from collections.abc import Callable, Iterable
from typing import Annotated, Any, TypeVar

from pydantic import PlainSerializer

from tavus_callbacks.domain.common.view import Moment, Names, View
from tavus_callbacks.domain.events.stored_event import StoredEvent

T = TypeVar("T")

Tags = Annotated[
    frozenset[tuple[str, str]],
    PlainSerializer(sorted, return_type=list[tuple[str, str]], when_used="json"),
]


class ReceiptFacts(View):
    """Times of receipt, sources, labels, and tags as pairs, of one or more events."""

    received_first_at: Moment
    received_last_at: Moment
    received_from: Names
    labels: Names
    tags: Tags

    def merge(self, other: "ReceiptFacts") -> "ReceiptFacts":
        """Return what both say together."""
        return ReceiptFacts(
            received_first_at=min(self.received_first_at, other.received_first_at),
            received_last_at=max(self.received_last_at, other.received_last_at),
            received_from=self.received_from | other.received_from,
            labels=self.labels | other.labels,
            tags=self.tags | other.tags,
        )

    def view(self) -> dict[str, Any]:
        """Return the members that every view has."""
        tags = _joined(self.tags)
        return {
            "tags": tags,
            "labels": sorted(self.labels),
            "simulated": tags.get("simulated") == "true",
            "received_first_at": self.received_first_at,
            "received_last_at": self.received_last_at,
            "received_from": sorted(self.received_from),
        }


def _joined(tags: Iterable[tuple[str, str]]) -> dict[str, str | list[str]]:
    values: dict[str, list[str]] = {}
    for name, value in sorted(tags):
        values.setdefault(name, []).append(value)
    return {name: found[0] if len(found) == 1 else found for name, found in values.items()}


def receipt_of(event: StoredEvent) -> ReceiptFacts:
    """Return what one event or variant says."""
    return ReceiptFacts(
        received_first_at=event.received_at,
        received_last_at=event.received_at,
        received_from=frozenset((event.source,)),
        labels=frozenset((event.label,)),
        tags=frozenset(event.tags.items()),
    )


def either(merge: Callable[[T, T], T], one: T | None, other: T | None) -> T | None:
    """Merge two facts where both are known, else return the one that is."""
    if one is None or other is None:
        return other if one is None else one
    return merge(one, other)
