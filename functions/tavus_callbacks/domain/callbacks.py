"""Typed callbacks, one model an event type, for the receiver and for programs that import them.

Every member is optional and unknown ones are kept, because the sender's shapes drift: a model says what a
part means where it is there. Field tables: tavus-callbacks.md section 1, from Tavus's pages and real calls.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from itertools import accumulate
from typing import Annotated, Any, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tavus_callbacks.domain import issues
from tavus_callbacks.domain.families import Classified
from tavus_callbacks.domain.jsontext import Document, levels
from tavus_callbacks.domain.redaction import ECHOES

Time = str | float

# Objects and lists that are typed at most: a model of an empty turn takes 700 bytes and 4 µs, and 4 MB hold
# a million of them, more than a function's memory. A transcript of 4 MB that people spoke has 30,000 turns.
MOST_PARTS = 100_000


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


class RecordingCopyFailedProperties(Properties):
    """Why Tavus could not copy the recording out."""

    error_message: str | None = None


class RecordingCopyFailed(ConversationCallback):
    """`application.recording_copy_failed`: Tavus keeps the failed copy about 30 days."""

    properties: RecordingCopyFailedProperties | None = None


class PerceptionAnalysisProperties(Properties):
    """What the camera showed, as Markdown."""

    analysis: str | None = None


class PerceptionAnalysis(ConversationCallback):
    """`application.perception_analysis`: one a call, with Raven on."""

    properties: PerceptionAnalysisProperties | None = None


class PerceptionUnavailableProperties(Properties):
    """Why there is no analysis, such as `no_vision_history`."""

    reason: str | None = None


class PerceptionUnavailable(ConversationCallback):
    """`application.perception_unavailable`: instead of the analysis."""

    properties: PerceptionUnavailableProperties | None = None


class ActionRequest(Model):
    """What a post-call tool was asked; `body` is an object, or JSON text."""

    body: dict[str, Any] | str | None = None


class PostCallActionProperties(Properties):
    """One post-call tool and how it went; recorded even when its delivery failed."""

    tool_id: str | None = None
    tool_name: str | None = None
    status: str | None = None
    request: ActionRequest | None = None
    response: Any = None


class PostCallActionExecuted(ConversationCallback):
    """`application.post_call_action_executed`: one a tool."""

    properties: PostCallActionProperties | None = None


class MemoryConsolidation(ConversationCallback):
    """`application.memory_consolidation`: seen in the API's record, its members unknown."""

    properties: dict[str, Any] | None = None


class RavenMemoryEvidenceProperties(Properties):
    """What Raven noted for the memory."""

    analysis: Any = None


class RavenMemoryEvidence(ConversationCallback):
    """`application.raven_memory_evidence`: seen in the API's record."""

    properties: RavenMemoryEvidenceProperties | None = None


class PerceptionToolCallProperties(Properties):
    """A tool that Raven called; `arguments` an object or JSON text, `frames` base64 pictures."""

    name: str | None = None
    arguments: dict[str, Any] | str | None = None
    modality: str | None = None
    frames: Any = None


class PerceptionToolCall(ConversationCallback):
    """`application.perception_tool_call`: listed by Tavus's sample app only."""

    properties: PerceptionToolCallProperties | None = None


class CanvasInteractionProperties(Properties):
    """What somebody did on a Magic Canvas card; `type` such as submit, skip, dismiss, heartbeat."""

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


class ObjectiveProperties(Properties):
    """An objective and its values; each delivery can differ, a later one can be poorer."""

    objective_name: str | None = None
    output_variables: dict[str, Any] | None = None


class Objective(ConversationCallback):
    """`conversation.objective.*`, nested or flat; the oldest form has `objective_status` and no type."""

    properties: ObjectiveProperties | None = None
    objective_id: str | None = None
    objective_name: str | None = None
    objective_status: str | None = None
    output_variables: dict[str, Any] | None = None


class GuardrailProperties(Properties):
    """Which guardrail and why, by the names that Tavus's own code reads."""

    guardrail: Any = None
    guardrail_id: str | None = None
    guardrail_name: str | None = None
    guardrail_uuid: str | None = None
    reason: str | None = None


class Guardrail(ConversationCallback):
    """Any event type that contains `guardrail`; no body is published."""

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


class StatusUpdate(Model):
    """The rule for documents, lipsync, replacements, transcriptions and speech: an id and a status."""

    status: str | None = None


_OPEN: tuple[type[Model], ...] = (StatusUpdate, UnknownConversationCallback)

CONVERSATION_MODELS: Mapping[str, type[ConversationCallback]] = {
    "system.replica_joined": ReplicaJoined,
    "system.pal_joined": ReplicaJoined,
    "system.shutdown": Shutdown,
    "application.transcription_ready": TranscriptionReady,
    "application.recording_ready": RecordingReady,
    "application.recording_copy_failed": RecordingCopyFailed,
    "application.perception_analysis": PerceptionAnalysis,
    "application.perception_unavailable": PerceptionUnavailable,
    "application.post_call_action_executed": PostCallActionExecuted,
    "application.memory_consolidation": MemoryConsolidation,
    "application.raven_memory_evidence": RavenMemoryEvidence,
    "application.perception_tool_call": PerceptionToolCall,
    "canvas.interaction": CanvasInteraction,
}

_FAMILY_MODELS: Mapping[str, type[Model]] = {
    "objective": Objective,
    "guardrail": Guardrail,
    "video": VideoGeneration,
    "replica": ReplicaTraining,
}


def model_of(family: str, event_type: str) -> type[Model]:
    """Return the model for a family and event type; unknown ones have models that take anything."""
    if family == "conversation":
        return CONVERSATION_MODELS.get(event_type, UnknownConversationCallback)
    return _FAMILY_MODELS.get(family, StatusUpdate)


def fit(classified: Classified, document: Document) -> tuple[Model | None, tuple[str, ...]]:
    """Type a body where it fits, and name the parts that do not: (model, issues).

    Parts of an unexpected type are left out of the model; where too many are, or the body has too many
    parts at all, the model is None.
    """
    if _has_too_many_parts(document):
        return None, (issues.TOO_MANY_PARTS,)
    model = model_of(classified.family, classified.event_type)
    fitted, misfits = _fitted(model, dict(document.clean))
    found = [issues.UNKNOWN_EVENT_TYPE] if model is UnknownConversationCallback else []
    found += [issues.at(issues.UNEXPECTED_TYPE, path) for path in misfits]
    if fitted is None:
        found.append(issues.MORE_ISSUES)
    elif not isinstance(fitted, _OPEN):
        found += [issues.at(issues.UNKNOWN_PROPERTY, path) for path in _unknown(fitted, ())]
    return fitted, issues.limited(found)


def _has_too_many_parts(document: Document) -> bool:
    if document.brackets <= MOST_PARTS:
        return False
    return any(parts > MOST_PARTS for parts in accumulate(map(len, levels(document.clean))))


Path = tuple[str | int, ...]


def _fitted(model: type[Model], value: dict[str, Any]) -> tuple[Model | None, list[Path]]:
    misfits: list[Path] = []
    while len(misfits) < issues.LIMIT:
        try:
            return model.model_validate(value), misfits
        except ValidationError as error:
            paths = _paths(error, value)
            misfits += paths
            value = _without_all(value, paths)
    return None, misfits


def _paths(error: ValidationError, value: object) -> list[Path]:
    """Return each misfit's path once, innermost last; a location also names the branch of a union."""
    errors = error.errors(include_url=False, include_context=False, include_input=False)
    return sorted({_resolved(value, one["loc"]) for one in errors}, key=str, reverse=True)


def _resolved(value: Any, location: Path) -> Path:
    path: Path = ()
    for step in location:
        if not _holds(value, step):
            break
        path, value = (*path, step), value[step]
    return path


def _holds(value: object, step: str | int) -> bool:
    if isinstance(value, dict):
        return step in value
    return isinstance(value, list) and isinstance(step, int) and step < len(value)


def _without_all(value: dict[str, Any], paths: list[Path]) -> dict[str, Any]:
    for path in paths:
        if _resolved(value, path) == path:
            value = _without(value, path)
    return value


def _without(value: Any, path: Path) -> Any:
    """Copy the containers along the path, and those alone, leaving out what it leads to."""
    step, rest = path[0], path[1:]
    copy = value.copy()
    if rest:
        copy[step] = _without(copy[step], rest)
    else:
        del copy[step]
    return copy


def _unknown(model: BaseModel, at: Path) -> Iterator[Path]:
    """Name the members that no field describes, those of nested models too; list items count as one."""
    yield from ((*at, name) for name in model.model_extra or () if name not in ECHOES)
    for name in _nesting(type(model)):
        value = getattr(model, name)
        if isinstance(value, BaseModel):
            yield from _unknown(value, (*at, name))
        elif isinstance(value, list):
            items = (item for item in value if isinstance(item, BaseModel) and not _is_plain(item))
            yield from dict.fromkeys(path for item in items for path in _unknown(item, (*at, name, 0)))


def _is_plain(model: BaseModel) -> bool:
    """Tell at once of a usual turn that it holds nothing to look at."""
    return not model.model_extra and not any(getattr(model, name) for name in _nesting(type(model)))


@cache
def _nesting(kind: type[BaseModel]) -> tuple[str, ...]:
    """Name the fields that can hold models; looking at all of each turn took 8 % of a callback's CPU."""
    return tuple(name for name, field in kind.model_fields.items() if _holds_models(field.annotation))


def _holds_models(annotation: object) -> bool:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return True
    return any(map(_holds_models, get_args(annotation)))
