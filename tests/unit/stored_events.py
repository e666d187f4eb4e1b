"""A target whose feed has events, for the commands that post them again."""

from dataclasses import dataclass, field
from typing import Any

import httpx
from fake_target import FakeTarget

from tavus_callbacks.domain.callbacks.event import event_id

START = 1_800_000_000_000_000


def event(number: int = 0, event_type: str = "system.shutdown", **members: Any) -> dict[str, Any]:
    """Make an event as the API answers it, received `number` seconds after the first."""
    ref = f"{START:020}-{number:08x}{'0' * 24}"
    return {
        "event_id": event_id("conversation", f"c{number}", ref),
        "kind": "conversation",
        "subject": f"c{number}",
        "event_type": event_type,
        "received_at": f"2027-03-01T12:{number // 60:02}:{number % 60:02}.000000Z",
        "label": "website",
        "tags": {"user": "4711"},
        "issues": [],
        "body": {"large": True},
    } | members


@dataclass
class EventsTarget(FakeTarget):
    """Answers `GET /events` with its answers in order, and each body with the bytes of its id.

    `failures` are statuses that precede the next bodies.
    """

    failures: list[int] = field(default_factory=list)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if not request.url.path.endswith("/body"):
            return super()._answer(request)
        if self.failures:
            return httpx.Response(self.failures.pop(0), json={"detail": "not now"})
        return httpx.Response(200, text=f'{{"is": 1.0, "id": "{request.url.path.split("/")[2]}"}}')


def feed(*events: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the answers of a feed with events, to its end."""
    return [{"events": list(events), "cursor": "a"}, {"events": [], "cursor": "b"}]
