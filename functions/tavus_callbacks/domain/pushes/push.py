"""A push: one model for the event bus, for signed HTTPS pushes, and for Python code that reads either.

A push is delivered at least once. Its `push_id` depends only on its subject and on what it reports, so every
repeat has the same id, in whatever order the callbacks came.
"""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field
from pydantic_core import to_json

from tavus_callbacks.domain.callbacks.event import Source, repeat_number
from tavus_callbacks.domain.common.digests import digest_json
from tavus_callbacks.domain.common.json_text import (
    children,
    levels,
)
from tavus_callbacks.domain.common.lenient_json import parse_stored_body
from tavus_callbacks.domain.common.paths import events_path, subject_path
from tavus_callbacks.domain.common.view import Moment, View
from tavus_callbacks.domain.events.stored_event import StoredEvent
from tavus_callbacks.domain.summaries.summary import CONVERSATION, ConversationSummary, ResourceSummary

# Part of every id, so that ids of a later rule differ.
_ID_VERSION = 1

# The source of every entry on the bus.
SOURCE = "tavus-callbacks"

# Bytes of a body in a push: an entry of the bus was limited to 256 KB until 2026. This limit holds for
# the body as sent and as written, because `1e15` is written as `1000000000000000.0`.
PUSH_BODY_LIMIT = 200 * 1024

# PutEvents takes signed integers of 64 bits.
_LARGEST = 2**63 - 1

STARTED, ENDED = "conversation.started", "conversation.ended"
# Only stored in `told`, for an end that was published because of silence.
PRESUMED = "conversation.presumed_ended"
TRANSCRIPT, PERCEPTION, NO_PERCEPTION = "transcript.ready", "perception.ready", "perception.failed"
COMPLETE, ERASED = "conversation.complete", "conversation.erased"
RECORDING, NO_RECORDING = "recording.available", "recording.failed"

# The kinds whose pushes lead to a view. Pushes of the others have always led to events, and a member keeps
# its meaning (docs/compatibility.md).
_VIEWED = (CONVERSATION, "video", "replica")


class CallbackData(View):
    """A stored callback, with its redacted body, or with `body_url` if the body is large."""

    event_id: str
    variant_id: str | None = Field(
        None, description="Set if this is other content for an event that was already pushed."
    )
    count: int = Field(
        1,
        description="The number of times that this body was stored. It is above 1 only for bodies "
        "without a time, such as guardrails that trigger again.",
    )
    family: str
    event_type: str
    occurred_at: Moment | None = Field(description="By the sender's clock.")
    received_at: Moment
    label: str
    source: Source = Field(description="Sent by Tavus, or fetched from its API because it had not arrived.")
    issues: list[str]
    body: dict[str, Any] | None = Field(None, description="As sent, with tokens redacted.")
    body_url: str | None = Field(None, description="Path below the API's URL; requires a read token.")


class RecordingData(View):
    """A recording that is available or has failed."""

    recording_id: str
    status: Literal["available", "failed"]
    key: str | None
    size: int | None = Field(description="Bytes.")
    duration: float | None = Field(description="Seconds, as Tavus sends it.")
    content_type: str | None
    message: str | None = Field(description="Why it failed.")
    error_code: str | None = Field(None, description="Why it failed, as Tavus sends it.")
    explanation: str | None = Field(None, description="The meaning of the failure, and the next step.")


class Push(View):
    """A push about a subject: the body of a signed HTTPS push, and `detail` on the bus."""

    # A new member does not raise the version; a member that goes or changes its meaning does.
    version: Literal[1] = 1
    push_id: str = Field(
        description="The same for every repeat of this push. Ignore a push that you have already processed."
    )
    type: str = Field(
        description="`callback.<event type>`, or a consequence of callbacks such as `transcript.ready`."
    )
    timestamp: Moment = Field(description="The time of the event, by the sender's clock if it sent a time.")
    kind: str
    subject: str
    tags: dict[str, str | list[str]]
    labels: list[str]
    simulated: bool
    url: str | None = Field(description="Path of the whole value below the API's URL; requires a read token.")
    data: CallbackData | RecordingData | ConversationSummary | ResourceSummary | None

    def detail(self) -> str:
        """Return the push as JSON text."""
        return self.model_dump_json()


def push_id(push_type: str, kind: str, subject: str, *parts: str) -> str:
    """Return the id of a push; `parts` distinguish pushes of one type and subject."""
    return "push_" + digest_json([_ID_VERSION, push_type, kind, subject, *parts])


def subject_url(kind: str, subject: str, *below: str) -> str:
    """Return the path of a subject and names below it, or the path of its events."""
    return subject_path(kind, subject, *below) if kind in _VIEWED else events_path(kind, subject)


def callback_push(event: StoredEvent, raw_body: bytes | None) -> Push:
    """Make the push of a stored event or variant; without a body it has a `body_url`.

    The content decides its id, not the row, because chance decides which of two contents is the variant.
    """
    push_type = f"callback.{event.event_type}"
    inline_body = None if raw_body is None else _inline_body(raw_body)
    return Push(
        push_id=push_id(push_type, event.kind, event.subject, event.event_ref, event.content),
        type=push_type,
        timestamp=event.occurred_at or event.received_at,
        kind=event.kind,
        subject=event.subject,
        tags=dict(event.tags),
        labels=[event.label],
        simulated=event.is_simulated,
        url=subject_url(event.kind, event.subject),
        data=CallbackData(
            event_id=event.event_id,
            variant_id=event.row_id if event.is_variant else None,
            count=1 + repeat_number(event.event_ref),
            family=event.family,
            event_type=event.event_type,
            occurred_at=event.occurred_at,
            received_at=event.received_at,
            label=event.label,
            source=event.source,
            issues=list(event.issues),
            body=inline_body,
            body_url=None if inline_body is not None else f"/events/{event.row_id}/body",
        ),
    )


def _inline_body(raw: bytes) -> dict[str, Any] | None:
    """Return the body if the bus can carry it, else None."""
    if len(raw) > PUSH_BODY_LIMIT:
        return None
    body: dict[str, Any] = parse_stored_body(raw)
    values = (value for level in levels(body) for part in level for value in children(part))
    has_large_number = any(type(value) is int and abs(value) > _LARGEST for value in values)
    return None if has_large_number or len(to_json(body)) > PUSH_BODY_LIMIT else body


def erased_push(kind: str, subject: str, *, at: datetime) -> Push:
    """Make the push about an erasure. It has no tags and labels, because they were erased too."""
    return Push(
        push_id=push_id(ERASED, kind, subject),
        type=ERASED,
        timestamp=at,
        kind=kind,
        subject=subject,
        tags={},
        labels=[],
        simulated=False,
        url=None,
        data=None,
    )
