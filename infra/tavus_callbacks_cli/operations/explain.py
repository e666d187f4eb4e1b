"""What the receiver would make of a body, told without any stack: nothing is sent and nothing is kept."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tavus_callbacks.domain.callbacks.event import Event, repeat_window
from tavus_callbacks.domain.callbacks.intake import parse_event
from tavus_callbacks.domain.callbacks.redaction import redact
from tavus_callbacks.domain.common.errors import NotAnObject, Unfileable
from tavus_callbacks.domain.common.json_text import decode, parse
from tavus_callbacks.domain.common.timestamps import iso
from tavus_callbacks_cli.operations.shape import described, shape_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

BY_TIME = "its kind, subject, event type, time and what tells such events apart: a repeat is a duplicate"
BY_CONTENT = "its content, because it has no usable time: the same body within {:g} seconds is a duplicate"


@dataclass(frozen=True, slots=True)
class Explanation:
    """A file, and the event it would become or why it would become none."""

    file: str
    outcome: Event | NotAnObject | Unfileable

    @property
    def is_filed(self) -> bool:
        """Tell whether the receiver would file it."""
        return isinstance(self.outcome, Event)


def explain_body(file: str, raw: bytes, *, now: "datetime") -> Explanation:
    """Explain a body as if it were received at `now` without tags."""
    try:
        return Explanation(file, parse_event(raw, query="", label="explain", received_at=now))
    except (NotAnObject, Unfileable) as error:
        return Explanation(file, error)


def as_json(explanation: Explanation) -> dict[str, Any]:
    """Describe it for programs: the members of the receiver's own answer, where it has them."""
    if isinstance(explanation.outcome, Event):
        return {"file": explanation.file, "status_code": 200, **_event(explanation.outcome)}
    return {"file": explanation.file, **_problem(explanation.outcome)}


def _event(event: Event) -> dict[str, Any]:
    return {
        "family": event.family,
        "kind": event.kind,
        "subject": event.subject,
        "event_type": event.event_type,
        "occurred_at": event.occurred_at and iso(event.occurred_at),
        "event_id": event.event_id,
        "identity": "time" if event.occurred_at else "content",
        "issues": list(event.issues),
    }


def _problem(error: NotAnObject | Unfileable) -> dict[str, Any]:
    fields = error.errors if isinstance(error, Unfileable) else ()
    return {
        "status_code": error.status,
        "title": error.title,
        "detail": str(error),
        "errors": [field._asdict() for field in fields],
    }


def as_fields(explanation: Explanation) -> "Iterator[tuple[str, str]]":
    """Describe it for people, a name and a text each."""
    yield "file", explanation.file
    if not isinstance(explanation.outcome, Event):
        error = explanation.outcome
        yield "outcome", f"{error.status} {error.title}: kept in quarantine"
        yield "reason", str(error)
        return
    event = explanation.outcome
    yield "outcome", "200: kept as an event"
    for name in ("family", "kind", "subject", "event_type"):
        yield name.replace("_", " "), getattr(event, name)
    yield "occurred at", iso(event.occurred_at) if event.occurred_at else "not said"
    yield "event id", event.event_id
    window = repeat_window(event.family).total_seconds()
    yield "identity", BY_TIME if event.occurred_at else BY_CONTENT.format(window)
    yield "issues", ", ".join(event.issues) or "none"


def shape_of_body(raw: bytes) -> Any:
    """Return a body's property names and types as JSON; raises NotAnObject where it has none."""
    # A token can stand anywhere, as a property name too.
    return described(shape_of(parse(redact(decode(raw), {})).sent))
