"""The answers of the API, as models: OpenAPI describes answers by them, and programs may read with them.

The domain has the views of single things. This module has their pages, and the answers without a view. No
function loads it, only the OpenAPI description does.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from tavus_callbacks.domain.common.view import Moment
from tavus_callbacks.domain.events.view import Event, QuarantineEntry
from tavus_callbacks.domain.recordings.claim import RecordingStatus
from tavus_callbacks.domain.recordings.view import Recording
from tavus_callbacks.domain.summaries.summary import ConversationSummary, ResourceSummary, SubjectSummary
from tavus_callbacks.domain.transcripts.turn_times import Origin
from tavus_callbacks.domain.transcripts.turns import SpokenTurn


class Answer(BaseModel):
    """An answer or a part of one; built when first used, so that an import stays cheap."""

    model_config = ConfigDict(frozen=True, defer_build=True)


class Page(Answer):
    """A page of a list."""

    cursor: str | None = Field(description="The cursor of the next page; null at the end of the list.")


class ListPage(Page):
    """A page of a list with filters, which stops before it has looked at too many rows."""

    looked_until: Moment | None = Field(
        description="The first receipt of the last row that this page covers; null at the end of the list."
    )


class RecordingPage(Page):
    """A conversation's recordings."""

    recordings: list[Recording]


class ConversationRow(ConversationSummary):
    """A conversation in a list."""

    recording_statuses: list[RecordingStatus] = Field(
        description="The statuses of at most 40 recordings, in the order of their ids, at the last check."
    )


class ConversationPage(ListPage):
    """Conversations in order of their first receipt, newest first."""

    conversations: list[ConversationRow]


class Transcript(Answer):
    """The turns of a transcript, with system turns only on request."""

    conversation_id: str
    turns: list[SpokenTurn]
    skipped: int = Field(description="Entries that could not be read.")
    repeated: int = Field(description="Entries that were sent twice.")
    origin: Origin | None = Field(description="The time at which `start` is 0; null if unknown.")


class VideoPage(ListPage):
    """Videos in order of their first receipt, newest first."""

    videos: list[ResourceSummary]


class ReplicaPage(ListPage):
    """Replicas in order of their first receipt, newest first."""

    replicas: list[ResourceSummary]


class DocumentPage(ListPage):
    """Documents in order of their first receipt, newest first."""

    documents: list[ResourceSummary]


class LipsyncPage(ListPage):
    """Lip syncs in order of their first receipt, newest first."""

    lipsync: list[ResourceSummary]


class ReplacementPage(ListPage):
    """Replacements in order of their first receipt, newest first."""

    replacements: list[ResourceSummary]


class TranscriptionPage(ListPage):
    """Transcriptions in order of their first receipt, newest first."""

    transcriptions: list[ResourceSummary]


class SpeechPage(ListPage):
    """Speech clips in order of their first receipt, newest first."""

    speech: list[ResourceSummary]


class SubjectPage(ListPage):
    """Subjects of one kind, in order of first receipt, newest first. The next kind begins on another page."""

    subjects: list[SubjectSummary]


class EventPage(Page):
    """Kept callbacks."""

    events: list[Event]
    looked_until: Moment | None = Field(
        None,
        description="The time of the last event that this page covers; null at the end of the list.",
    )


class Erasure(Answer):
    """An erased subject."""

    digest: str = Field(description="SHA-256 of `<kind>#<subject>` in hexadecimal, the first 32 digits.")
    erased_at: Moment


class ErasurePage(Answer):
    """Erased subjects in order of their erasure."""

    erasures: list[Erasure]
    cursor: str = Field(description="The cursor of the next page; a later page may have new erasures.")


class Sums(Answer):
    """Sums over conversations. Times are in seconds, shares from 0 to 1, and null is unknown."""

    conversations: int
    ended: int
    presumed_ended: int
    active: int
    seconds: float
    median_seconds: float | None
    transcripts: int
    user_turns: int
    replica_turns: int
    user_words: int
    replica_words: int
    user_questions: int
    replica_questions: int
    user_seconds: float
    replica_seconds: float
    tool_calls: int
    user_share_by_words: float | None
    median_response_seconds: float | None
    missing_shutdown: int
    missing_transcript: int
    missing_perception: int
    missing_recording: int
    simulated: int


class Group(Sums):
    """The sums of one group."""

    group: str = Field(description="A day, label, reason or value of a tag; `(none)` for a missing value.")


class Histogram(Answer):
    """The number of values between bounds, in seconds."""

    bounds: list[float]
    counts: list[int] = Field(
        description="`counts[i]` counts values below `bounds[i]`, and not below the previous bound."
    )


class Stats(Answer):
    """Sums over conversations, in total and by group."""

    total: Sums
    groups: list[Group] = Field(description="In the order of their names.")
    durations: Histogram = Field(description="Durations of the conversations that have one.")
    responses: Histogram = Field(description="`median_response_seconds` of the conversations that have it.")
    end_reasons: dict[str, int] = Field(
        description="The number of conversations for each reason; `(none)` if it is unknown."
    )
    by: str
    limit_reached: bool = Field(description="Whether older conversations were left out.")
    looked_until: Moment | None = Field(description="Null unless the limit was reached.")


class Stack(Answer):
    """The stack that answers."""

    version: str = Field(description="The version that is deployed.")
    recordings: bool = Field(description="Whether it stores recordings (parameter `Recordings`).")
    cdn_url: str | None = Field(description="The origin of every recording's link; null without recordings.")


class QuarantinePage(Page):
    """Bodies that could not be stored as events, in order of their first receipt, newest first."""

    quarantine: list[QuarantineEntry]


class Receipt(Answer):
    """The result for a callback: `accepted` waits until the store is available again."""

    event_id: str
    status: Literal["stored", "duplicate", "accepted", "erased"]
    family: str
    kind: str
    subject: str
    event_type: str
    issues: list[str]


class Ready(Answer):
    """The token is valid."""

    label: str
    ready: Literal[True]


class FieldProblem(Answer):
    """A field that is wrong."""

    field: str
    detail: str


class Problem(Answer):
    """Problem details (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str = ""
    errors: list[FieldProblem] = Field([], description="The fields that are wrong.")
    quarantine_id: str = Field("", description="The path of a body that could not be stored as an event.")
    recording_status: RecordingStatus = Field("pending", description="Why a recording cannot be played.")


class GatewayMessage(Answer):
    """An error of API Gateway."""

    message: str | None
