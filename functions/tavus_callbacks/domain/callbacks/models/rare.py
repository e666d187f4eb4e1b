"""The models of callbacks that few conversations send, and of callbacks that belong to no conversation.

A model costs a cold start 0.2 ms. These load with the first callback that needs one of them.
"""

from collections.abc import Mapping
from typing import Any

from tavus_callbacks.domain.callbacks.models.base import ConversationCallback, Model, Properties


class RecordingCopyFailedProperties(Properties):
    """The recording that Tavus could not copy, and the reason. `duration` is in whole seconds.

    `recording_id` is the id of Tavus's recording service, `s3_key` the intended object key.
    """

    recording_id: str | None = None
    s3_key: str | None = None
    duration: float | None = None
    storage_provider: str | None = None
    error_code: str | None = None
    error_message: str | None = None


class RecordingCopyFailed(ConversationCallback):
    """`application.recording_copy_failed`: Tavus keeps the file for about 30 days."""

    properties: RecordingCopyFailedProperties | None = None


class PerceptionUnavailableProperties(Properties):
    """Why there is no analysis, such as `no_vision_history`."""

    reason: str | None = None


class PerceptionUnavailable(ConversationCallback):
    """`application.perception_unavailable`: instead of the analysis."""

    properties: PerceptionUnavailableProperties | None = None


class ActionRequest(Model):
    """The request to a post-call tool; `body` is an object, or JSON text."""

    body: dict[str, Any] | str | None = None


class PostCallActionProperties(Properties):
    """A post-call tool and its outcome, which is reported even if the delivery failed."""

    tool_id: str | None = None
    tool_name: str | None = None
    status: str | None = None
    request: ActionRequest | None = None
    response: Any = None


class PostCallActionExecuted(ConversationCallback):
    """`application.post_call_action_executed`: one for each tool."""

    properties: PostCallActionProperties | None = None


class MemoryConsolidation(ConversationCallback):
    """`application.memory_consolidation`: seen in the API's records; its fields are unknown."""

    properties: dict[str, Any] | None = None


class RavenMemoryEvidenceProperties(Properties):
    """Raven's notes for the memory."""

    analysis: Any = None


class RavenMemoryEvidence(ConversationCallback):
    """`application.raven_memory_evidence`: seen in the API's records."""

    properties: RavenMemoryEvidenceProperties | None = None


class PerceptionToolCallProperties(Properties):
    """A tool that Raven called. `arguments` is an object or JSON text, `frames` has images in base64."""

    name: str | None = None
    arguments: dict[str, Any] | str | None = None
    modality: str | None = None
    frames: Any = None


class PerceptionToolCall(ConversationCallback):
    """A tool call by Raven. Tavus's sample app lists `application.…`, its documentation `conversation.…`."""

    properties: PerceptionToolCallProperties | None = None


class CanvasInteractionProperties(Properties):
    """An interaction with a Magic Canvas card; `type` is submit, skip, dismiss, heartbeat or similar."""

    interaction_id: str | None = None
    tool_call_id: str | None = None
    component: str | None = None
    component_version: str | int | None = None
    type: str | None = None
    value: Any = None
    metadata: Any = None


class CanvasInteraction(ConversationCallback):
    """`canvas.interaction`: an action on a card in the call."""

    properties: CanvasInteractionProperties | None = None


class ReplicaPresent(ConversationCallback):
    """`system.replica_present`: a heartbeat during the conversation. Its fields are not documented."""

    properties: dict[str, Any] | None = None


class ObjectiveProperties(Properties):
    """An objective and its values. Deliveries may differ, and a later one may contain less."""

    objective_name: str | None = None
    output_variables: dict[str, Any] | None = None


class Objective(ConversationCallback):
    """An objective: documented flat, without type, time and status; typed forms are nested or flat.

    The oldest form has `objective_status` and no type.
    """

    properties: ObjectiveProperties | None = None
    objective_id: str | None = None
    objective_name: str | None = None
    objective_status: str | None = None
    output_variables: dict[str, Any] | None = None


class GuardrailProperties(Properties):
    """The guardrail and the reason, by the names that Tavus's own code reads."""

    guardrail: Any = None
    guardrail_id: str | None = None
    guardrail_name: str | None = None
    guardrail_uuid: str | None = None
    reason: str | None = None


class Guardrail(ConversationCallback):
    """A trigger. It is documented without event type and time; typed forms have `guardrail` in the type."""

    properties: GuardrailProperties | None = None


class ReplicaTraining(Model):
    """The end of a training: `ready`, or `error` with its message. It has no time."""

    replica_id: str | None = None
    face_id: str | None = None
    status: str | None = None
    error_message: str | None = None


class VideoGeneration(Model):
    """The video object; times are UTC without a zone, `generation_progress` is `n/100`."""

    video_id: str | None = None
    video_name: str | None = None
    replica_id: str | None = None
    face_id: str | None = None
    status: str | None = None
    status_details: str | None = None
    error_details: Any = None
    generation_progress: str | None = None
    download_url: str | None = None
    stream_url: str | None = None
    hosted_url: str | None = None
    data: dict[str, Any] | None = None
    created_at: str | None = None
    updated_at: str | None = None


CONVERSATION: Mapping[str, type[ConversationCallback]] = {
    "application.recording_copy_failed": RecordingCopyFailed,
    "application.perception_unavailable": PerceptionUnavailable,
    "application.post_call_action_executed": PostCallActionExecuted,
    "application.memory_consolidation": MemoryConsolidation,
    "application.raven_memory_evidence": RavenMemoryEvidence,
    "application.perception_tool_call": PerceptionToolCall,
    "conversation.perception_tool_call": PerceptionToolCall,
    "canvas.interaction": CanvasInteraction,
    "system.replica_present": ReplicaPresent,
}

FAMILIES: Mapping[str, type[Model]] = {
    "objective": Objective,
    "guardrail": Guardrail,
    "video": VideoGeneration,
    "replica": ReplicaTraining,
}
