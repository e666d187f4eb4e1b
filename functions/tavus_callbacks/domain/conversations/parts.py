"""The parts of a conversation's view that list events, each read from events of its own types.

Fields have the names of docs/tavus.md; text that holds JSON is parsed.
"""

from collections.abc import Container, Iterable, Sequence
from typing import Any

from pydantic import Field

from tavus_callbacks.domain.common import lenient_json
from tavus_callbacks.domain.common.view import Happened, Moment, View
from tavus_callbacks.domain.events.stored_event import Occurrence, StoredEvent, merge_variants
from tavus_callbacks.domain.recordings.claim import Claim, id_without_key, read_claim
from tavus_callbacks.domain.recordings.copy_failure import explain_copy_failure


class Perception(Happened):
    """The analysis of the camera images, or why it is missing."""

    analysis: Any = Field(description="Markdown, as Tavus sends it.")
    unavailable_reason: str | None = Field(description="For example `no_vision_history`: the camera was off.")


class GuardrailView(Happened):
    """One trigger of a guardrail."""

    received_at: Moment
    event_type: str
    name: str | None
    guardrail_id: str | None
    reason: str | None


class GuardrailCount(View):
    """A guardrail, and how often it triggered."""

    name: str | None
    guardrail_id: str | None
    count: int
    received_first_at: Moment
    received_last_at: Moment


class Action(Happened):
    """A tool that ran after the conversation. `error` is a failed delivery."""

    tool_id: str | None
    tool_name: str | None
    status: str | None
    request: Any = Field(description="The body of the request. JSON text in it is parsed.")
    response: Any


class PerceptionToolCallView(Happened):
    """A tool that Raven called during the conversation."""

    name: str | None
    arguments: Any
    modality: str | None
    frames: int = Field(
        description="Number of images that were sent with it. The event's body contains them."
    )


class CanvasInteractionView(Happened):
    """An interaction with a Magic Canvas card. Heartbeats are only counted."""

    interaction_id: str | None
    tool_call_id: str | None
    component: str | None
    type: str | None
    value: Any
    metadata: Any


class Memory(Happened):
    """An event about memories; its fields are not documented."""

    event_type: str
    analysis: Any
    properties: dict[str, Any]


class RecordingFailure(Happened):
    """A failed copy to the storage. Tavus keeps the file for about 30 days.

    It stays in the list after a later delivery, when the recording with the same id is `available`.
    """

    recording_id: str = Field(description="As in `recordings`, and in the recording's own path.")
    tavus_recording_id: str | None = Field(description="Tavus's own id; give it to Tavus's support.")
    key: str | None = Field(description="The intended object key.")
    provider: str
    error_code: str | None = Field(description="As Tavus sends it.")
    error_message: str | None
    explanation: str = Field(description="The meaning of the code, and the next step.")


class OtherEvent(Happened):
    """An event of an unknown type."""

    event_type: str


def _when(occurrence: Occurrence) -> dict[str, Any]:
    return {"at": occurrence.event.occurred_at, "event_id": occurrence.event.event_id}


def perception(analyses: Sequence[Occurrence], refusals: Sequence[Occurrence]) -> Perception | None:
    """Return the latest analysis with text, else the latest reason for a missing one, else None."""
    for occurrence in (*_latest_first(analyses), *_latest_first(refusals)):
        properties = occurrence.properties
        analysis = lenient_json.first(properties, "analysis", "perception")
        reason = None if analysis is not None else lenient_json.first_text(properties, "reason")
        if analysis is not None or reason is not None:
            return Perception(**_when(occurrence), analysis=analysis, unavailable_reason=reason)
    return None


def _latest_first(occurrences: Sequence[Occurrence]) -> list[Occurrence]:
    return sorted(occurrences, key=lambda occurrence: occurrence.recency, reverse=True)


def guardrails(occurrences: Iterable[Occurrence]) -> list[GuardrailView]:
    """Read the triggers of guardrails, ordered by the sender's time or by the time of receipt."""
    ordered = sorted(occurrences, key=lambda occurrence: (occurrence.moment, occurrence.event.event_ref))
    return list(map(_guardrail, ordered))


def guardrail_counts(triggers: Iterable[GuardrailView]) -> list[GuardrailCount]:
    """Count the triggers of each guardrail, in the order of their first ones."""
    by_name: dict[str, list[GuardrailView]] = {}
    for trigger in triggers:
        by_name.setdefault(trigger.name or trigger.guardrail_id or trigger.event_type, []).append(trigger)
    return [
        GuardrailCount(
            name=group[0].name,
            guardrail_id=next((trigger.guardrail_id for trigger in group if trigger.guardrail_id), None),
            count=len(group),
            received_first_at=min(trigger.received_at for trigger in group),
            received_last_at=max(trigger.received_at for trigger in group),
        )
        for group in by_name.values()
    ]


def _guardrail(occurrence: Occurrence) -> GuardrailView:
    """Read a trigger, in every spelling that receivers read."""
    nested = lenient_json.mapping(occurrence.properties.get("guardrail"))
    properties = {**nested, **occurrence.properties}
    return GuardrailView(
        **_when(occurrence),
        received_at=occurrence.event.received_at,
        event_type=occurrence.event.event_type,
        name=lenient_json.first_text(properties, "guardrail_name", "guardrail", "name"),
        guardrail_id=lenient_json.first_text(properties, "guardrail_id", "guardrail_uuid", "id", "uuid"),
        reason=lenient_json.first_text(properties, "reason"),
    )


def action(occurrence: Occurrence) -> Action:
    """Read a post-call action."""
    properties = occurrence.properties
    request = lenient_json.parse_embedded(properties.get("request"))
    body = (
        lenient_json.parse_embedded(request["body"])
        if isinstance(request, dict) and "body" in request
        else request
    )
    # Arrays come as text inside of an object.
    if isinstance(body, dict):
        body = {name: lenient_json.parse_embedded(value) for name, value in body.items()}
    return Action(
        **_when(occurrence),
        tool_id=lenient_json.first_text(properties, "tool_id"),
        tool_name=lenient_json.first_text(properties, "tool_name"),
        status=lenient_json.first_text(properties, "status"),
        request=body,
        response=properties.get("response"),
    )


def perception_tool_call(occurrence: Occurrence) -> PerceptionToolCallView:
    """Read a tool call of Raven's."""
    properties = occurrence.properties
    frames = properties.get("frames")
    return PerceptionToolCallView(
        **_when(occurrence),
        name=lenient_json.first_text(properties, "name", "tool_name"),
        arguments=lenient_json.parse_embedded(lenient_json.first(properties, "arguments", "args")),
        modality=lenient_json.first_text(properties, "modality"),
        frames=len(frames) if isinstance(frames, list) else 0,
    )


def canvas_interaction(occurrence: Occurrence) -> CanvasInteractionView:
    """Read an interaction with a card."""
    names = ("interaction_id", "tool_call_id", "component", "type")
    return CanvasInteractionView(
        **_when(occurrence),
        **{name: lenient_json.first_text(occurrence.properties, name) for name in names},
        value=occurrence.properties.get("value"),
        metadata=occurrence.properties.get("metadata"),
    )


def memory(occurrence: Occurrence) -> Memory:
    """Read a memory event."""
    properties = dict(occurrence.properties)
    analysis = properties.pop("analysis", None)
    return Memory(
        **_when(occurrence), event_type=occurrence.event.event_type, analysis=analysis, properties=properties
    )


def other_event(occurrence: Occurrence) -> OtherEvent:
    """Name an event that no other part shows."""
    return OtherEvent(**_when(occurrence), event_type=occurrence.event.event_type)


def recording_failures(events: Iterable[StoredEvent], stored_ids: Container[str]) -> list[RecordingFailure]:
    """Return the copies that failed, once for each event and recording, by their events.

    `stored_ids` are the ids of the conversation's recordings. Recordings that fail at the same moment are
    variants of one event, so each is recognised by its key.
    """
    groups: dict[tuple[str, str], list[StoredEvent]] = {}
    for event in events:
        if event.body is not None:
            recording_id = _claim(event, event.body).recording_id
            groups.setdefault((event.event_ref, recording_id), []).append(event)
    failures: list[RecordingFailure] = []
    for (ref, recording_id), group in sorted(groups.items()):
        # The id under which an earlier version stored a failed recording.
        earlier_id = id_without_key(ref)
        is_earlier = earlier_id in stored_ids and recording_id not in stored_ids
        failure_id = earlier_id if is_earlier else recording_id
        failures += (_recording_failure(failure_id, occurrence) for occurrence in merge_variants(group))
    return failures


def _claim(event: StoredEvent, properties: dict[str, Any]) -> Claim:
    return read_claim(event.event_type, event.subject, properties, bucket="", ref=event.event_ref)


def _recording_failure(recording_id: str, occurrence: Occurrence) -> RecordingFailure:
    claim = _claim(occurrence.event, occurrence.properties)
    return RecordingFailure(
        **_when(occurrence),
        recording_id=recording_id,
        tavus_recording_id=lenient_json.first_text(occurrence.properties, "recording_id"),
        key=claim.key,
        provider=claim.provider,
        error_code=claim.error_code,
        error_message=lenient_json.first_text(occurrence.properties, "error_message"),
        explanation=explain_copy_failure(claim.error_code),
    )
