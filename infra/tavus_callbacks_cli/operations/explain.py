"""The receiver's view of a body, without any stack: nothing is sent and nothing is stored."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tavus_callbacks.domain.callbacks.event import Event, repeat_window
from tavus_callbacks.domain.callbacks.intake import parse_event
from tavus_callbacks.domain.callbacks.redaction import redact
from tavus_callbacks.domain.common.errors import NotAnObject, Unfileable
from tavus_callbacks.domain.common.json_text import decode, parse
from tavus_callbacks.domain.common.timestamps import iso
from tavus_callbacks_cli.operations.shape import shape_json, shape_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

BY_TIME = "its kind, subject, event type, time and details: a repeat is a duplicate"
BY_CONTENT = "its content, because it has no usable time: the same body within {:g} seconds is a duplicate"


@dataclass(frozen=True, slots=True)
class Explanation:
    """A file, and the event that it would become or the reason why not."""

    file: str
    outcome: Event | NotAnObject | Unfileable

    @property
    def is_filed(self) -> bool:
        """Return whether the receiver stores it as an event."""
        return isinstance(self.outcome, Event)

    def as_json(self) -> dict[str, Any]:
        """Return it for programs, with the members of the receiver's own answer."""
        event = self.outcome
        if not isinstance(event, Event):
            errors = event.errors if isinstance(event, Unfileable) else ()
            return {
                "file": self.file,
                "status_code": event.status,
                "title": event.title,
                "detail": str(event),
                "errors": [error._asdict() for error in errors],
            }
        return {
            "file": self.file,
            "status_code": 200,
            "family": event.family,
            "kind": event.kind,
            "subject": event.subject,
            "event_type": event.event_type,
            "occurred_at": event.occurred_at and iso(event.occurred_at),
            "event_id": event.event_id,
            "identity": "time" if event.occurred_at else "content",
            "issues": list(event.issues),
        }

    def fields(self) -> "Iterator[tuple[str, str]]":
        """Yield it for people, as names and values."""
        event = self.outcome
        yield "file", self.file
        if not isinstance(event, Event):
            yield "outcome", f"{event.status} {event.title}: stored in quarantine"
            yield "reason", str(event)
            return
        yield "outcome", "200: stored as an event"
        for name in ("family", "kind", "subject", "event_type"):
            yield name.replace("_", " "), getattr(event, name)
        yield "occurred at", iso(event.occurred_at) if event.occurred_at else "unknown"
        yield "event id", event.event_id
        window = repeat_window(event.family).total_seconds()
        yield "identity", BY_TIME if event.occurred_at else BY_CONTENT.format(window)
        yield "issues", ", ".join(event.issues) or "none"


def explain_body(file: str, raw: bytes, *, now: "datetime") -> Explanation:
    """Explain a body as if it were received at `now` without tags."""
    try:
        return Explanation(file, parse_event(raw, query="", label="explain", received_at=now))
    except (NotAnObject, Unfileable) as error:
        return Explanation(file, error)


def shape_of_body(raw: bytes) -> Any:
    """Return a body's property names and types as JSON; raises NotAnObject if it is not an object."""
    # A token can be anywhere, even in a property name.
    return shape_json(shape_of(parse(redact(decode(raw), {})).sent))
