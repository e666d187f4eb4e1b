"""What the API answers, as models: OpenAPI describes answers by them, and programs may read with them.

Views say what a part means; these put views into pages and describe what is answered as it is kept. The
functions build none of them.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from tavus_callbacks.domain.callbacks.event import Source
from tavus_callbacks.domain.common.view import Moment
from tavus_callbacks.domain.conversations.view import ConversationView
from tavus_callbacks.domain.recordings.claim import RecordingStatus
from tavus_callbacks.domain.resources import view
from tavus_callbacks.domain.summaries.summary import ConversationSummary, ResourceSummary, SubjectSummary
from tavus_callbacks.domain.transcripts.turns import SpokenTurn


class Answer(BaseModel):
    """An answer or a part of one; built when first used, so that an import stays cheap."""

    model_config = ConfigDict(frozen=True, defer_build=True)


class Page(Answer):
    """A page of a list."""

    cursor: str | None = Field(description="Where the next page begins; null at the end of the list.")


class Recording(Answer):
    """A recording: what was announced and what lies in the bucket."""

    recording_id: str
    conversation_id: str
    key: str | None
    status: RecordingStatus
    announced: bool = Field(description="Whether a callback came for it.")
    size: int | None = Field(description="Bytes.")
    duration: float | None = Field(description="Seconds, as Tavus sends it.")
    content_type: str | None
    version: str | None = Field(description="S3's version id of the object.")
    storage_class: str | None
    provider: str
    bucket: str | None
    message: str | None = Field(description="Why it failed, in Tavus's words where it sends any.")
    error_code: str | None = Field(description="Why it failed, as Tavus sends it.")
    explanation: str | None = Field(description="What the failure means and what to do.")
    issues: list[str]
    modified_at: Moment | None
    received_at: Moment | None


class RecordingPage(Page):
    """A conversation's recordings."""

    recordings: list[Recording]


class RecordingLink(Answer):
    """A link that plays a recording until it expires."""

    recording_id: str
    url: str
    expires_at: Moment


class Conversation(ConversationView):
    """A conversation, folded from everything that was received about it."""

    recordings: list[Recording]  # type: ignore[assignment]  # the fold takes them as they are read


class ConversationPage(Page):
    """Conversations, the newest first by first receipt."""

    conversations: list[ConversationSummary]


class Transcript(Answer):
    """What was said; system turns are there where they are asked for."""

    conversation_id: str
    turns: list[SpokenTurn]
    skipped: int = Field(description="Entries that could not be read.")
    repeated: int = Field(description="Entries that came twice in a row.")


# The state of one video or replica is answered as it is folded.
ResourceView = view.ResourceView


class VideoPage(Page):
    """Videos, the newest first by first receipt."""

    videos: list[ResourceSummary]


class ReplicaPage(Page):
    """Replicas, the newest first by first receipt."""

    replicas: list[ResourceSummary]


class SubjectPage(Page):
    """Subjects of one kind, the newest first by first receipt; the next kind follows on a page of its own."""

    subjects: list[SubjectSummary]


class Event(Answer):
    """A kept callback; its body stands here, or behind `body_url` where it is over 256 KB."""

    event_id: str
    variant_id: str = Field("", description="Only of a variant: other content for the same event.")
    family: str
    kind: str
    subject: str
    event_type: str
    occurred_at: Moment | None = Field(description="By the sender's clock.")
    received_at: Moment
    label: str
    tags: dict[str, str]
    source: Source = Field(description="Sent by Tavus, or read from its API because it had not come.")
    issues: list[str]
    body: dict[str, Any] = Field({}, description="As it was sent, tokens redacted.")
    body_url: str = ""
    variants: list["Event"] = Field([], description="Other contents that came for the same event.")


class EventPage(Page):
    """Kept callbacks."""

    events: list[Event]


class QuarantineEntry(Answer):
    """A body that could not be filed, and why."""

    quarantine_id: str
    status: Literal[400, 422]
    title: str
    detail: str
    label: str
    tags: dict[str, str]
    content_encoding: str | None = Field(
        description="The request's header, such as `gzip`; null if it had none."
    )
    first_received_at: Moment
    last_received_at: Moment
    count: int = Field(description="How often the same body came.")
    size: int = Field(description="Bytes.")
    body: str | None = Field(description="null where it is too large to stand here.")


class QuarantinePage(Page):
    """What could not be filed, the newest first by first receipt."""

    quarantine: list[QuarantineEntry]


class Receipt(Answer):
    """What became of a callback: `accepted` waits for the store to come back."""

    event_id: str
    status: Literal["stored", "duplicate", "accepted", "erased"]
    family: str
    kind: str
    subject: str
    event_type: str
    issues: list[str]


class Ready(Answer):
    """The token is live."""

    label: str
    ready: Literal[True]


class FieldProblem(Answer):
    """One field at fault."""

    field: str
    detail: str


class Problem(Answer):
    """Problem details (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str = ""
    errors: list[FieldProblem] = Field([], description="Where fields are at fault.")
    quarantine_id: str = Field("", description="Where the body is kept that could not be filed.")
    recording_status: RecordingStatus = Field("pending", description="Why a recording cannot be played.")


class GatewayMessage(Answer):
    """An answer of API Gateway's own."""

    message: str | None
