"""The view of a conversation, which the API answers and describes."""

from pydantic import Field

from tavus_callbacks.domain.common.view import SKIPPED, Moment, Skipped, View
from tavus_callbacks.domain.conversations.end_reason import Ending
from tavus_callbacks.domain.conversations.expected import ConversationStatus, Missing
from tavus_callbacks.domain.conversations.facts import CONFIRMED
from tavus_callbacks.domain.conversations.objectives import ObjectiveView
from tavus_callbacks.domain.conversations.parts import (
    Action,
    CanvasInteractionView,
    GuardrailCount,
    GuardrailView,
    Memory,
    OtherEvent,
    Perception,
    PerceptionToolCallView,
    RecordingFailure,
)
from tavus_callbacks.domain.recordings.view import Recording
from tavus_callbacks.domain.transcripts.statistics import Talk


class Replica(View):
    """Who spoke: the id, and both names under which it came (`face` since 2026)."""

    id: str | None
    replica_id: str | None
    face_id: str | None


class Persona(View):
    """As whom: the id, and both names under which it came (`pal` since 2026)."""

    id: str | None
    persona_id: str | None
    pal_id: str | None


class Joining(View):
    """One joining of the replica; both names of one moment are one."""

    at: Moment | None
    replica_id: str | None


class TranscriptSummary(View):
    """The transcript in numbers; system turns are not counted."""

    at: Moment | None
    received_at: Moment
    turns: int = Field(description="Turns of user and replica that hold words.")
    user_turns: int
    replica_turns: int
    words: int
    has_times: bool
    skipped: int = Field(description="Entries that could not be read.")
    repeated: int = Field(description="Entries that came twice in a row.")


class Conversation(View):
    """A conversation, folded from everything that was received about it."""

    conversation_id: str
    status: ConversationStatus
    replica: Replica
    persona: Persona
    joined_at: Moment | None
    joinings: list[Joining]
    ended_at: Moment | None
    duration: float | None = Field(description="Seconds from the first joining to the end.")
    ending: Ending | None
    transcript: TranscriptSummary | None
    talk: Talk | None
    perception: Perception | None
    recordings: list[Recording]
    recording_failures: list[RecordingFailure]
    objectives: list[ObjectiveView]
    guardrails: list[GuardrailView] = Field(description="Every trigger.")
    guardrail_counts: list[GuardrailCount] = Field(description="How often each guardrail triggered.")
    actions: list[Action]
    perception_tool_calls: list[PerceptionToolCallView]
    canvas_interactions: list[CanvasInteractionView]
    canvas_heartbeats: int
    replica_heartbeats: int
    memories: list[Memory]
    other_events: list[OtherEvent]
    missing: list[Missing]
    skipped: Skipped | None = Field(None, description=SKIPPED)
    confirmed: bool = Field(description=CONFIRMED)
    tags: dict[str, str | list[str]] = Field(description="A list where callbacks came with different values.")
    labels: list[str]
    simulated: bool
    received_first_at: Moment
    received_last_at: Moment
    received_from: list[str] = Field(description="`callback`, `backfill`, or both.")
