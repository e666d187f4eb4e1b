"""The view of a conversation: the models that the API describes, and the fold that makes them of its events.

The fold happens when somebody reads, so a better fold improves old conversations too. Duplicates and
out-of-order events change only members named `received…`, and what follows from the order of receipt:
objectives and guardrails that Tavus sends without a time.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import reduce
from itertools import starmap
from typing import Any

from pydantic import Field

from tavus_callbacks.domain.callbacks import event_types
from tavus_callbacks.domain.common import lenient_json
from tavus_callbacks.domain.common.view import SKIPPED, Moment, Skipped, View
from tavus_callbacks.domain.conversations import parts
from tavus_callbacks.domain.conversations.end_reason import Ending, end_reason
from tavus_callbacks.domain.conversations.expected import (
    ConversationStatus,
    Missing,
    conversation_status,
    missing_parts,
)
from tavus_callbacks.domain.conversations.facts import (
    CONFIRMED,
    PERSONA_NAMES,
    REPLICA_NAMES,
    Facts,
    TranscriptFacts,
    conversation_facts,
)
from tavus_callbacks.domain.conversations.objectives import ObjectiveView, fold_objectives
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
from tavus_callbacks.domain.conversations.settings import FoldSettings
from tavus_callbacks.domain.events.stored_event import (
    Occurrence,
    StoredEvent,
    merge_variants,
    skipped_events,
)
from tavus_callbacks.domain.recordings.view import ConversationRecording, Recording, recording_start
from tavus_callbacks.domain.transcripts.alignment import recording_offset
from tavus_callbacks.domain.transcripts.statistics import Talk
from tavus_callbacks.domain.transcripts.transcript import (
    Transcript,
    best_transcript,
    read_transcripts,
    speech_turns,
)
from tavus_callbacks.domain.transcripts.turn_times import Origin

# `replica_joined` and `pal_joined` are sent for one moment, but nobody promises that they carry the same one.
ONE_JOINING = timedelta(seconds=2)

_HEARTBEAT = "heartbeat"

# The part of the view that shows an event: by its type, else by its family.
_PART_BY_TYPE = {
    **dict.fromkeys(event_types.JOINED, "joinings"),
    **dict.fromkeys(event_types.TOOL_CALLS, "perception_tool_calls"),
    **dict.fromkeys(event_types.MEMORIES, "memories"),
    event_types.ANALYSIS: "analyses",
    event_types.UNAVAILABLE: "refusals",
    event_types.ACTION: "actions",
    event_types.CANVAS: "canvas",
    event_types.REPLICA_PRESENT: "replica_heartbeats",
}
_PART_BY_FAMILY = {"objective": "objectives", "guardrail": "guardrails", "conversation": "other_events"}

# The parts that show each event by itself.
_READERS = {
    "actions": parts.action,
    "perception_tool_calls": parts.perception_tool_call,
    "memories": parts.memory,
    "other_events": parts.other_event,
}


class Replica(View):
    """The speaker: the id, and both names under which it arrived (`face` since 2026)."""

    id: str | None
    replica_id: str | None
    face_id: str | None


class Persona(View):
    """The replica's id, and both names under which it arrived (`pal` since 2026)."""

    id: str | None
    persona_id: str | None
    pal_id: str | None


class Joining(View):
    """One joining of the replica, reported under one or both of its names."""

    at: Moment | None
    replica_id: str | None


class TranscriptSummary(View):
    """The transcript in numbers; system turns are not counted."""

    at: Moment | None
    received_at: Moment
    turns: int = Field(description="Turns of user and replica that contain words.")
    user_turns: int
    replica_turns: int
    words: int
    has_times: bool
    origin: Origin | None = Field(description="The time at which the starts of turns are 0; null if unknown.")
    skipped: int = Field(description="Entries that could not be read.")
    repeated: int = Field(description="Entries that were sent twice.")


class Conversation(View):
    """A conversation, assembled from all of its events."""

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
    recordings: list[ConversationRecording]
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
    tags: dict[str, str | list[str]] = Field(
        description="A value is a list if callbacks had different values."
    )
    labels: list[str]
    simulated: bool
    received_first_at: Moment
    received_last_at: Moment
    received_from: list[str] = Field(description="`callback`, `backfill`, or both.")


def fold_conversation(  # noqa: PLR0913 - one argument a source
    conversation_id: str,
    events: Sequence[StoredEvent],
    *,
    now: datetime,
    settings: FoldSettings,
    recordings: Sequence[Recording] = (),
    confirmed_at: datetime | None = None,
) -> dict[str, Any]:
    """Return the view of a conversation in JSON's own types; its members are those of Conversation.

    `events` are all stored events of it, at least one; `recordings` are the views of its recordings, and
    `confirmed_at` is when Tavus itself last showed every stored event.
    """
    occurrences = merge_variants(events)
    read_events = read_transcripts(events)
    facts = reduce(Facts.merge, starmap(conversation_facts, read_events))
    facts = facts.model_copy(update={"confirmed_at": confirmed_at})
    failures = [event for event in events if event.event_type == event_types.COPY_FAILED]
    recording_ids = {recording.recording_id for recording in recordings}
    view = Conversation(
        conversation_id=conversation_id,
        status=conversation_status(facts, now=now, settings=settings),
        missing=missing_parts(facts, now=now, settings=settings, has_recording=bool(recordings)),
        recordings=_align_recordings(recordings, facts, best_transcript(read_events)) if recordings else [],
        recording_failures=parts.recording_failures(failures, recording_ids) if failures else [],
        skipped=skipped_events(events),
        **_facts_members(facts),
        **_id_members(facts, occurrences),
        **_part_members(occurrences),
    )
    return view.model_dump(mode="json")


def _facts_members(facts: Facts) -> dict[str, Any]:
    reason, transcript = facts.end_reason.reason if facts.end_reason else None, facts.transcript
    return {
        "joined_at": facts.joined_at,
        "ended_at": facts.shown_end,
        "duration": facts.duration,
        "ending": end_reason(reason) if event_types.SHUTDOWN in facts.event_types else None,
        "transcript": _transcript_summary(transcript, facts.second_zero[0]) if transcript else None,
        "talk": facts.talk,
        "confirmed": facts.is_confirmed,
        **facts.receipt.view(),
    }


def _align_recordings(
    recordings: Iterable[Recording], facts: Facts, transcript: Transcript | None
) -> list[ConversationRecording]:
    """Add when each recording starts, and how far that is from the start of the talk."""
    period, (origin, shift) = facts.period, facts.second_zero
    turns = speech_turns(transcript) if transcript else ()
    starts = [turn.start + shift for turn in turns if turn.start is not None]
    aligned: list[ConversationRecording] = []
    for recording in recordings:
        started_at = recording_start(recording.key, period)
        offset = recording_offset(starts, origin, started_at, recording.duration)
        aligned.append(ConversationRecording(**dict(recording), started_at=started_at, offset=offset))
    return aligned


def _transcript_summary(facts: TranscriptFacts, origin: Origin | None) -> TranscriptSummary:
    return TranscriptSummary(
        at=facts.at,
        received_at=facts.received_at,
        turns=facts.talk.total_turns,
        user_turns=facts.talk.user_turns,
        replica_turns=facts.talk.replica_turns,
        words=facts.talk.user_words + facts.talk.replica_words,
        has_times=facts.has_times,
        origin=origin,
        skipped=facts.skipped,
        repeated=facts.repeated,
    )


def _id_members(facts: Facts, occurrences: Iterable[Occurrence]) -> dict[str, Any]:
    """Return the first id under each name; `id` is the first under either name of one thing."""
    ids: dict[str, str] = {}
    for occurrence in occurrences:
        for name in (*REPLICA_NAMES, *PERSONA_NAMES):
            if name not in ids and (text := lenient_json.text(occurrence.properties.get(name))):
                ids[name] = text
    replica, persona = ({name: ids.get(name) for name in names} for names in (REPLICA_NAMES, PERSONA_NAMES))
    return {
        "replica": Replica(id=facts.replica_id, **replica),
        "persona": Persona(id=facts.persona_id, **persona),
    }


def _part_members(occurrences: Iterable[Occurrence]) -> dict[str, Any]:
    shown: Mapping[str | None, list[Occurrence]] = defaultdict(list)
    for occurrence in occurrences:
        event = occurrence.event
        is_shown = event.event_type in event_types.SHOWN
        part = _PART_BY_TYPE.get(event.event_type) if is_shown else _PART_BY_FAMILY.get(event.family)
        shown[part].append(occurrence)
    interactions = [each for each in shown["canvas"] if each.properties.get("type") != _HEARTBEAT]
    perceptions = shown["analyses"], shown["refusals"]
    guardrails = parts.guardrails(shown["guardrails"]) if shown["guardrails"] else []
    return {
        "joinings": _joinings(shown["joinings"]),
        "perception": parts.perception(*perceptions) if any(perceptions) else None,
        "objectives": fold_objectives(shown["objectives"]) if shown["objectives"] else [],
        "guardrails": guardrails,
        "guardrail_counts": parts.guardrail_counts(guardrails) if guardrails else [],
        "canvas_interactions": [parts.canvas_interaction(interaction) for interaction in interactions],
        "canvas_heartbeats": len(shown["canvas"]) - len(interactions),
        "replica_heartbeats": len(shown["replica_heartbeats"]),
        **{part: [read(occurrence) for occurrence in shown[part]] for part, read in _READERS.items()},
    }


def _joinings(occurrences: Iterable[Occurrence]) -> list[Joining]:
    joinings: list[Joining] = []
    for occurrence in occurrences:
        at = occurrence.event.occurred_at
        replica_id = lenient_json.first_text(occurrence.properties, "replica_id", "face_id")
        previous = joinings[-1] if joinings else None
        if previous and (at == previous.at or (at and previous.at and at - previous.at < ONE_JOINING)):
            joinings[-1] = Joining(at=previous.at, replica_id=previous.replica_id or replica_id)
        else:
            joinings.append(Joining(at=at, replica_id=replica_id))
    return joinings
