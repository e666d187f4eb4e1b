"""What the team's own code is told: one model for the bus, the signed HTTPS push, and whoever reads them.

A push is told at least once. `push_id` hangs on whom and what it is about and on nothing else: repeats have
the same one, and so have derived pushes whatever the order in which the callbacks came.
"""

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from urllib.parse import urlencode

from pydantic import Field
from pydantic_core import to_json

from tavus_callbacks.domain.callbacks.event import Source, repeat_number
from tavus_callbacks.domain.common.digests import digest_json
from tavus_callbacks.domain.common.json_text import (
    BYTE_ORDER_MARK,
    children,
    levels,
    without_surrogates,
)
from tavus_callbacks.domain.common.timestamps import now
from tavus_callbacks.domain.common.view import Moment, View
from tavus_callbacks.domain.conversations.facts import Facts
from tavus_callbacks.domain.conversations.settings import FoldSettings
from tavus_callbacks.domain.events.arrival_facts import ReceiptFacts
from tavus_callbacks.domain.events.stored_event import StoredEvent
from tavus_callbacks.domain.recordings.recording import Recording, Status, certain_status
from tavus_callbacks.domain.recordings.view import failure
from tavus_callbacks.domain.resources.facts import ResourceFacts
from tavus_callbacks.domain.summaries.summary import (
    CONVERSATION,
    ConversationSummary,
    ResourceSummary,
    SubjectFacts,
    conversation_summary,
    resource_summary,
)

# Part of every id, so that a later rule can stand beside this one.
_ID_VERSION = 1

# The source of every entry on the bus.
SOURCE = "tavus-callbacks"

# Bytes up to which a body stands in a push: an entry of the bus was 256 KB at most until 2026. As it was sent
# and as it is told, for `1e15` is told as `1000000000000000.0`.
INLINE_LIMIT = 200 * 1024

# PutEvents takes whole numbers of 64 bits with sign.
_LARGEST = 2**63 - 1

STARTED, ENDED = "conversation.started", "conversation.ended"
TRANSCRIPT, PERCEPTION, NO_PERCEPTION = "transcript.ready", "perception.ready", "perception.failed"
COMPLETE, ERASED = "conversation.complete", "conversation.erased"
RECORDING, NO_RECORDING = "recording.available", "recording.failed"

# Kinds that have a path; HTTP API decodes paths, so that other subjects are read by their events.
_FOLDERS = {CONVERSATION: "conversations", "video": "videos", "replica": "replicas"}
_IN_A_PATH = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]*")


class CallbackData(View):
    """A kept callback: its redacted body stands here, or behind `body_url` where it is large."""

    event_id: str
    variant_id: str | None = Field(None, description="Where it is other content for an event already told.")
    count: int = Field(
        1,
        description="How often this body was stored so far; above 1 only without the sender's time, "
        "such as when a guardrail triggers again.",
    )
    family: str
    event_type: str
    occurred_at: Moment | None = Field(description="By the sender's clock.")
    received_at: Moment
    label: str
    source: Source = Field(description="Sent by Tavus, or read from its API because it had not come.")
    issues: list[str]
    body: dict[str, Any] | None = Field(None, description="As it was sent, tokens redacted.")
    body_url: str | None = Field(None, description="Path below the API's URL, where a read token opens it.")


class RecordingData(View):
    """A recording that can be watched, or that failed."""

    recording_id: str
    status: Literal["available", "failed"]
    key: str | None
    size: int | None = Field(description="Bytes.")
    duration: float | None = Field(description="Seconds, as Tavus sends it.")
    content_type: str | None
    message: str | None = Field(description="Why it failed.")
    error_code: str | None = Field(None, description="Why it failed, as Tavus sends it.")
    explanation: str | None = Field(None, description="What the failure means and what to do.")


class Push(View):
    """What happened, and to whom; posted as it stands by the signed HTTPS push, `detail` on the bus."""

    # One that is added makes no new version; one that goes or changes its meaning does.
    version: Literal[1] = 1
    push_id: str = Field(description="The same for every repeat of this push; drop what you have seen.")
    type: str = Field(description="`callback.<event type>` or what a callback means: `transcript.ready`, …")
    timestamp: Moment = Field(description="When it happened, by the sender's clock where it says so.")
    kind: str
    subject: str
    tags: dict[str, str | list[str]]
    labels: list[str]
    simulated: bool
    url: str | None = Field(description="Path below the API's URL, where a read token opens the whole.")
    data: CallbackData | RecordingData | ConversationSummary | ResourceSummary | None

    def detail(self) -> str:
        """Return the JSON text that is told."""
        return self.model_dump_json()


def push_id(push_type: str, kind: str, subject: str, *which: str) -> str:
    """Return the id of a push; `which` tells several of one type and subject apart."""
    return "push_" + digest_json([_ID_VERSION, push_type, kind, subject, *which])


def callback_push(event: StoredEvent, raw_body: bytes | None) -> Push:
    """Make the push of a stored event or variant; without a body it has a `body_url`.

    The content decides its id, not the row, because chance decides which of two contents is the variant.
    """
    push_type = f"callback.{event.event_type}"
    inline_body = None if raw_body is None else _inline(raw_body)
    return Push(
        push_id=push_id(push_type, event.kind, event.subject, event.event_ref, event.content),
        type=push_type,
        timestamp=event.occurred_at or event.received_at,
        kind=event.kind,
        subject=event.subject,
        tags=dict(event.tags),
        labels=[event.label],
        simulated=event.tags.get("simulated") == "true",
        url=_url(event.kind, event.subject),
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


def _inline(body: bytes) -> dict[str, Any] | None:
    """Return a body that the bus can carry as it is."""
    if len(body) > INLINE_LIMIT:
        return None
    sent: dict[str, Any] = without_surrogates(json.loads(body.decode().removeprefix(BYTE_ORDER_MARK)))
    return sent if _has_whole_numbers_that_fit(sent) and len(to_json(sent)) <= INLINE_LIMIT else None


def _has_whole_numbers_that_fit(sent: dict[str, Any]) -> bool:
    numbers = (one for level in levels(sent) for each in level for one in children(each) if type(one) is int)
    return all(-_LARGEST <= number <= _LARGEST for number in numbers)


@dataclass(frozen=True, slots=True)
class Standing:
    """A subject, what its events say together, and when that is looked at.

    `has_object` tells of a recording without its callback, where somebody looked.
    """

    kind: str
    subject: str
    facts: SubjectFacts
    now: datetime
    settings: FoldSettings
    has_object: bool = False

    def summary(self) -> ConversationSummary | ResourceSummary:
        """Describe it as lists do."""
        if isinstance(self.facts, Facts):
            return conversation_summary(
                self.subject, self.facts, now=self.now, settings=self.settings, has_object=self.has_object
            )
        return resource_summary(self.kind, self.subject, self.facts)


def pushes_of(standing: Standing, types: Collection[str]) -> list[Push]:
    """Tell what facts mean: one push for each of the types, which meanings.py finds."""
    data = standing.summary() if types else None
    return [_derived(standing, push_type, data) for push_type in sorted(types)]


def _derived(standing: Standing, push_type: str, data: ConversationSummary | ResourceSummary | None) -> Push:
    kind, subject, receipt = standing.kind, standing.subject, standing.facts.receipt
    return Push(
        push_id=push_id(push_type, kind, subject),
        type=push_type,
        timestamp=_moment(push_type, standing.facts) or receipt.received_last_at,
        kind=kind,
        subject=subject,
        **_origin(receipt),
        url=_url(kind, subject, "/transcript" if push_type == TRANSCRIPT else ""),
        data=data,
    )


def _moment(push_type: str, facts: SubjectFacts) -> datetime | None:
    if isinstance(facts, ResourceFacts):
        return None
    transcript_at = facts.transcript.at if facts.transcript else None
    moments = {STARTED: facts.joined_at, ENDED: facts.shown_end, TRANSCRIPT: transcript_at}
    return moments.get(push_type)


_BY_RECORDING: dict[Status | None, str] = {"available": RECORDING, "failed": NO_RECORDING}


def recording_type(recording: Recording) -> str | None:
    """Return the type of the push about a recording, or None if there is nothing to tell."""
    return _BY_RECORDING.get(certain_status(recording))


def recording_push(conversation_id: str, recording: Recording, receipt: ReceiptFacts | None) -> Push:
    """Tell that a recording can be watched, or that it failed; `receipt` is its conversation's."""
    status: Literal["available", "failed"] = "available" if recording.is_there else "failed"
    push_type, claim = _BY_RECORDING[status], recording.claim
    return Push(
        push_id=push_id(push_type, CONVERSATION, conversation_id, recording.recording_id),
        type=push_type,
        timestamp=recording.modified_at or recording.claimed_at or now(),
        kind=CONVERSATION,
        subject=conversation_id,
        **_origin(receipt),
        url=_url(CONVERSATION, conversation_id, f"/recordings/{recording.recording_id}"),
        data=RecordingData(
            recording_id=recording.recording_id,
            status=status,
            key=recording.key,
            size=recording.size,
            duration=claim.duration if claim else None,
            content_type=recording.content_type,
            **failure(recording, status)._asdict(),
        ),
    )


def _origin(receipt: ReceiptFacts | None) -> dict[str, Any]:
    known = receipt.view() if receipt else {}
    return {
        "tags": known.get("tags", {}),
        "labels": known.get("labels", []),
        "simulated": known.get("simulated", False),
    }


def erased_push(kind: str, subject: str, *, at: datetime) -> Push:
    """Tell that everything about a subject was erased; tags and labels went with it."""
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


def _url(kind: str, subject: str, below: str = "") -> str:
    """Return the path that answers of a subject; its events where it has none of its own."""
    folder = _FOLDERS.get(kind)
    if folder and _IN_A_PATH.fullmatch(subject):
        return f"/{folder}/{subject}{below}"
    return "/events?" + urlencode({"kind": kind, "subject": subject})
