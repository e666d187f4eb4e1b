"""The parts of a conversation's view that are lists of what happened, each read from its own events.

Field names are those of docs/tavus.md; what is given as text and holds JSON is parsed.
"""

from collections.abc import Container, Iterable, Sequence
from typing import Any

from pydantic import Field

from tavus_callbacks.domain.callbacks import event_types
from tavus_callbacks.domain.common import lenient_json
from tavus_callbacks.domain.common.view import Happened, Moment, View
from tavus_callbacks.domain.events.stored_event import Occurrence, StoredEvent, merge_variants
from tavus_callbacks.domain.recordings.claim import Claim, id_without_key, read_claim
from tavus_callbacks.domain.recordings.copy_failure import explain_copy_failure


class Perception(Happened):
    """What the camera showed, or why nothing is known of it."""

    analysis: Any = Field(description="Markdown, as Tavus sends it.")
    unavailable_reason: str | None = Field(description="Such as `no_vision_history`: the camera was off.")


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
    """A tool that ran after the call; `error` is a delivery that failed."""

    tool_id: str | None
    tool_name: str | None
    status: str | None
    request: Any = Field(description="The body it was asked with, JSON text in it parsed.")
    response: Any


class PerceptionToolCallView(Happened):
    """A tool that Raven called within the call."""

    name: str | None
    arguments: Any
    modality: str | None
    frames: int = Field(description="Pictures that came with it; they are in the event's body.")


class CanvasInteractionView(Happened):
    """What somebody did on a Magic Canvas card; heartbeats are only counted."""

    interaction_id: str | None
    tool_call_id: str | None
    component: str | None
    type: str | None
    value: Any
    metadata: Any


class Memory(Happened):
    """Something about memories; the members of these events are not documented."""

    event_type: str
    analysis: Any
    properties: dict[str, Any]


class RecordingFailure(Happened):
    """A copy to the storage that failed; Tavus keeps the file for about 30 days.

    It stays in the list after a later delivery: the recording of the same id is `available` then.
    """

    recording_id: str = Field(description="As in `recordings`, and in the recording's own path.")
    tavus_recording_id: str | None = Field(description="Tavus's own id; tell it to Tavus's support.")
    key: str | None = Field(description="The object key that was intended.")
    provider: str
    error_code: str | None = Field(description="As Tavus sends it.")
    error_message: str | None
    explanation: str = Field(description="What the code means and what to do.")


class OtherEvent(Happened):
    """An event of a type that is not described."""

    event_type: str


def _when(one: Occurrence) -> dict[str, Any]:
    return {"at": one.event.occurred_at, "event_id": one.event.event_id}


def perception(analyses: Sequence[Occurrence], refusals: Sequence[Occurrence]) -> Perception | None:
    """Return the latest analysis that says something, else why there is none, else None."""
    for one in (*_latest_first(analyses), *_latest_first(refusals)):
        analysis = lenient_json.first(one.properties, "analysis", "perception")
        reason = None if analysis is not None else lenient_json.first_text(one.properties, "reason")
        if analysis is not None or reason is not None:
            return Perception(**_when(one), analysis=analysis, unavailable_reason=reason)
    return None


def _latest_first(occurred: Sequence[Occurrence]) -> list[Occurrence]:
    return sorted(occurred, key=lambda one: one.recency, reverse=True)


def guardrails(occurred: Iterable[Occurrence]) -> list[GuardrailView]:
    """Read the triggers of guardrails, ordered by the sender's time or by the time of receipt."""
    return [_guardrail(one) for one in sorted(occurred, key=lambda one: (one.moment, one.event.event_ref))]


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


def _guardrail(one: Occurrence) -> GuardrailView:
    """Read a trigger, in every spelling that receivers read."""
    nested = lenient_json.mapping(one.properties.get("guardrail"))
    said = {**nested, **one.properties}
    return GuardrailView(
        **_when(one),
        received_at=one.event.received_at,
        event_type=one.event.event_type,
        name=lenient_json.first_text(said, "guardrail_name", "guardrail", "name"),
        guardrail_id=lenient_json.first_text(said, "guardrail_id", "guardrail_uuid", "id", "uuid"),
        reason=lenient_json.first_text(said, "reason"),
    )


def action(one: Occurrence) -> Action:
    """Read a post-call action."""
    request = lenient_json.structured(one.properties.get("request"))
    return Action(
        **_when(one),
        tool_id=lenient_json.first_text(one.properties, "tool_id"),
        tool_name=lenient_json.first_text(one.properties, "tool_name"),
        status=lenient_json.first_text(one.properties, "status"),
        request=_parsed(request["body"] if isinstance(request, dict) and "body" in request else request),
        response=one.properties.get("response"),
    )


def _parsed(body: object) -> Any:
    """Parse JSON text, and what is JSON text within: arrays come as text inside of an object."""
    found = lenient_json.structured(body)
    if not isinstance(found, dict):
        return found
    return {name: lenient_json.structured(value) for name, value in found.items()}


def perception_tool_call(one: Occurrence) -> PerceptionToolCallView:
    """Read a tool call of Raven's."""
    frames = one.properties.get("frames")
    return PerceptionToolCallView(
        **_when(one),
        name=lenient_json.first_text(one.properties, "name", "tool_name"),
        arguments=lenient_json.structured(lenient_json.first(one.properties, "arguments", "args")),
        modality=lenient_json.first_text(one.properties, "modality"),
        frames=len(frames) if isinstance(frames, list) else 0,
    )


def canvas_interaction(one: Occurrence) -> CanvasInteractionView:
    """Read an interaction with a card."""
    names = ("interaction_id", "tool_call_id", "component", "type")
    return CanvasInteractionView(
        **_when(one),
        **{name: lenient_json.first_text(one.properties, name) for name in names},
        value=one.properties.get("value"),
        metadata=one.properties.get("metadata"),
    )


def memory(one: Occurrence) -> Memory:
    """Read a memory event."""
    rest = {name: value for name, value in one.properties.items() if name != "analysis"}
    analysis = one.properties.get("analysis")
    return Memory(**_when(one), event_type=one.event.event_type, analysis=analysis, properties=rest)


def recording_failures(events: Iterable[StoredEvent], stored: Container[str]) -> list[RecordingFailure]:
    """Return the copies that failed, once for each event and recording; `stored` are the ids of recordings.

    Recordings that fail at the same moment are variants of one event, so each is recognised by its key.
    """
    groups: dict[tuple[str, str], list[StoredEvent]] = {}
    for event in events:
        if event.event_type == event_types.COPY_FAILED and event.body is not None:
            name = _claim(event, event.body).recording_id
            groups.setdefault((event.event_ref, name), []).append(event)
    return [
        _recording_failure(_stored_name(ref, name, stored), one)
        for (ref, name), group in sorted(groups.items())
        for one in merge_variants(group)
    ]


def _stored_name(ref: str, name: str, stored: Container[str]) -> str:
    """Return the id under which a failed recording is stored."""
    earlier = id_without_key(ref)
    return earlier if earlier in stored and name not in stored else name


def _claim(event: StoredEvent, said: dict[str, Any]) -> Claim:
    return read_claim(event.event_type, event.subject, said, bucket="", ref=event.event_ref)


def _recording_failure(name: str, one: Occurrence) -> RecordingFailure:
    claim = _claim(one.event, one.properties)
    return RecordingFailure(
        **_when(one),
        recording_id=name,
        tavus_recording_id=lenient_json.first_text(one.properties, "recording_id"),
        key=claim.key,
        provider=claim.provider,
        error_code=claim.error_code,
        error_message=lenient_json.first_text(one.properties, "error_message"),
        explanation=explain_copy_failure(claim.error_code),
    )


def other_event(one: Occurrence) -> OtherEvent:
    """Name an event that nothing else shows."""
    return OtherEvent(**_when(one), event_type=one.event.event_type)
