"""The models of callbacks that every conversation sends; models/rare.py has all others."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from tavus_callbacks.domain.callbacks.models.base import ConversationCallback, Model, Properties, Time


class UnknownConversationCallback(ConversationCallback):
    """An unknown event type."""

    properties: Any = None


class ReplicaJoined(ConversationCallback):
    """`system.replica_joined` and `system.pal_joined`: one moment, two names since 2026."""

    properties: Properties | None = None


class ShutdownProperties(Properties):
    """The reason why the room closed; the records of Tavus's API call it `reason`."""

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
    """One entry of a transcript. Seconds are as sent; `timestamp` is ISO text or epoch seconds."""

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
    """`application.transcription_ready`: the transcript, after the end."""

    properties: TranscriptionReadyProperties | None = None


class RecordingReadyProperties(Properties):
    """The object key of the recording, never a URL. `duration` is in whole seconds."""

    bucket_name: str | None = None
    s3_key: str | None = None
    duration: float | None = None
    storage_provider: str | None = None
    storage_uri: str | None = None


class RecordingReady(ConversationCallback):
    """`application.recording_ready`: the recording is in the customer's storage."""

    properties: RecordingReadyProperties | None = None


class PerceptionAnalysisProperties(Properties):
    """The analysis of the camera images, as Markdown."""

    analysis: str | None = None


class PerceptionAnalysis(ConversationCallback):
    """`application.perception_analysis`: one for each conversation with Raven."""

    properties: PerceptionAnalysisProperties | None = None


class StatusUpdate(Model):
    """A document, lipsync, replacement, transcription or speech, with its id and status."""

    status: str | None = None


USUAL: Mapping[str, type[ConversationCallback]] = {
    "system.replica_joined": ReplicaJoined,
    "system.pal_joined": ReplicaJoined,
    "system.shutdown": Shutdown,
    "application.transcription_ready": TranscriptionReady,
    "application.recording_ready": RecordingReady,
    "application.perception_analysis": PerceptionAnalysis,
}
