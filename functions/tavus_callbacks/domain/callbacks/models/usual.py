"""Typed callbacks, one model an event type, for the receiver and for programs that import them.

Here are those that every conversation sends; more_callbacks.py has the rest, loaded when the first comes.
Every member is optional and unknown ones are kept, because the sender's shapes drift: a model says what a
part means where it is there. Tables of members with their sources: docs/tavus.md.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Time = str | float


class Model(BaseModel):
    """A part of a callback; built when first used, so that an import stays cheap."""

    model_config = ConfigDict(extra="allow", frozen=True, defer_build=True)


class Properties(Model):
    """What any conversation event may say of who speaks: old and new names of the same two."""

    replica_id: str | None = None
    face_id: str | None = None
    persona_id: str | None = None
    pal_id: str | None = None


class ConversationCallback(Model):
    """The envelope of everything sent about a conversation; `timestamp` is the sender's UTC."""

    event_type: str | None = None
    message_type: str | None = None
    conversation_id: str | None = None
    webhook_url: str | None = None
    timestamp: Time | None = None


class UnknownConversationCallback(ConversationCallback):
    """An event type that nobody has described yet."""

    properties: Any = None


class ReplicaJoined(ConversationCallback):
    """`system.replica_joined` and `system.pal_joined`: one moment, two names since 2026."""

    properties: Properties | None = None


class ShutdownProperties(Properties):
    """Why the room closed; `reason` is the name that the API's record uses."""

    shutdown_reason: str | None = None
    reason: str | None = None


class Shutdown(ConversationCallback):
    """`system.shutdown`: the room has closed."""

    properties: ShutdownProperties | None = None


class ToolCallFunction(Model):
    """The nested form of a tool call."""

    name: str | None = None
    arguments: str | dict[str, Any] | None = None


class ToolCall(Model):
    """A tool that a turn called; `arguments` is JSON text, not always valid."""

    id: str | None = None
    type: str | None = None
    name: str | None = None
    arguments: str | dict[str, Any] | None = None
    function: ToolCallFunction | None = None


class Turn(Model):
    """One entry of a transcript; seconds as Tavus sends them, `timestamp` ISO text or epoch seconds."""

    role: str | None = None
    content: str | None = None
    timestamp: Time | None = None
    seconds_from_start: float | None = None
    duration: float | None = None
    inference_id: str | None = None
    tool_calls: Annotated[list[ToolCall], Field(fail_fast=True)] | None = None
    tool_call_id: str | None = None
    name: str | None = None


class TranscriptionReadyProperties(Properties):
    """The transcript; its first turn is normally the whole system prompt."""

    transcript: Annotated[list[Turn], Field(fail_fast=True)] | None = None


class TranscriptionReady(ConversationCallback):
    """`application.transcription_ready`: what was said, after the end."""

    properties: TranscriptionReadyProperties | None = None


class RecordingReadyProperties(Properties):
    """Where the recording lies: an object key, never a URL; `duration` in whole seconds."""

    bucket_name: str | None = None
    s3_key: str | None = None
    duration: float | None = None
    storage_provider: str | None = None
    storage_uri: str | None = None


class RecordingReady(ConversationCallback):
    """`application.recording_ready`: the recording is in the customer's storage."""

    properties: RecordingReadyProperties | None = None


class PerceptionAnalysisProperties(Properties):
    """What the camera showed, as Markdown."""

    analysis: str | None = None


class PerceptionAnalysis(ConversationCallback):
    """`application.perception_analysis`: one a call, with Raven on."""

    properties: PerceptionAnalysisProperties | None = None


class StatusUpdate(Model):
    """The rule for documents, lipsync, replacements, transcriptions and speech: an id and a status."""

    status: str | None = None


USUAL: Mapping[str, type[ConversationCallback]] = {
    "system.replica_joined": ReplicaJoined,
    "system.pal_joined": ReplicaJoined,
    "system.shutdown": Shutdown,
    "application.transcription_ready": TranscriptionReady,
    "application.recording_ready": RecordingReady,
    "application.perception_analysis": PerceptionAnalysis,
}


def __getattr__(name: str) -> Any:
    """Return a model of more_callbacks.py, so that programs import every model from here."""
    # Of names that begin otherwise Python asks by itself, at every import from here.
    found = _late(name) if name[0].isupper() else None
    if found is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return found


def _late(name: str) -> type[Model] | None:
    from tavus_callbacks.domain.callbacks.models import rare

    found = vars(rare).get(name)
    return found if isinstance(found, type) and issubclass(found, Model) else None
