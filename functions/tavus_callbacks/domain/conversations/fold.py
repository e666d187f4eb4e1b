"""A conversation as a person wants it, folded from its events.

The fold is the truth: it is done on reading, so that a better reading improves what was kept long ago.
The order of arrival and duplicates change only members named `received…`, and, for objectives and guardrails
that Tavus sends without a time, what follows from the order of receipt.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from tavus_callbacks.domain.callbacks import event_types
from tavus_callbacks.domain.common import lenient_json
from tavus_callbacks.domain.conversations import parts
from tavus_callbacks.domain.conversations.end_reason import Ending, ending
from tavus_callbacks.domain.conversations.expected import missing_of, status_of
from tavus_callbacks.domain.conversations.facts import Facts, TranscriptFacts, conversation_facts
from tavus_callbacks.domain.conversations.objectives import objectives
from tavus_callbacks.domain.conversations.settings import FoldSettings
from tavus_callbacks.domain.conversations.view import (
    ConversationView,
    Joining,
    Persona,
    Replica,
    TranscriptSummary,
)
from tavus_callbacks.domain.events.stored_event import (
    Occurrence,
    StoredEvent,
    merge_variants,
    skipped_events,
    sort_occurrences,
)

# `replica_joined` and `pal_joined` are sent for one moment, but nobody promises that they carry the same one.
ONE_JOINING = timedelta(seconds=2)

_HEARTBEAT = "heartbeat"

# Events by what shows them: their event type, else their family.
Parts = Mapping[str, list[Occurrence]]


def fold(  # noqa: PLR0913 - one argument a source
    conversation_id: str,
    events: Sequence[StoredEvent],
    *,
    now: datetime,
    settings: FoldSettings,
    recordings: Sequence[dict[str, Any]] = (),
    confirmed_at: datetime | None = None,
) -> dict[str, Any]:
    """Return the view of a conversation as JSON can hold it; ConversationView says what it holds.

    `events` are all that are kept of it, at least one; `recordings` are the views of its recordings, and
    `confirmed_at` is when Tavus itself last showed all that was kept.
    """
    facts, happened = conversation_facts(events), merge_variants(events)
    facts = facts.model_copy(update={"confirmed_at": confirmed_at})
    view = ConversationView(
        conversation_id=conversation_id,
        status=status_of(facts, now=now, settings=settings),
        missing=missing_of(facts, now=now, settings=settings, has_recording=bool(recordings)),
        recordings=list(recordings),
        recording_failures=parts.recording_failures(events, {one["recording_id"] for one in recordings}),
        skipped=skipped_events(events),
        replica=_replica(happened),
        persona=_persona(happened),
        **_from_facts(facts),
        **_from_parts(_parts(happened)),
    )
    return view.model_dump(mode="json")


def _from_facts(facts: Facts) -> dict[str, Any]:
    return {
        "joined_at": facts.joined_at,
        "ended_at": facts.shown_end,
        "duration": facts.duration,
        "ending": _ending(facts),
        "transcript": _summary(facts.transcript) if facts.transcript else None,
        "talk": facts.transcript.talk if facts.transcript else None,
        "confirmed": facts.is_confirmed,
        **facts.receipt.view(),
    }


def _ending(facts: Facts) -> Ending | None:
    if event_types.SHUTDOWN not in facts.event_types:
        return None
    return ending(facts.end_reason.reason if facts.end_reason else None)


def _summary(facts: TranscriptFacts) -> TranscriptSummary:
    return TranscriptSummary(
        at=facts.at,
        received_at=facts.received_at,
        turns=facts.talk.total_turns,
        user_turns=facts.talk.user_turns,
        replica_turns=facts.talk.replica_turns,
        words=facts.talk.user_words + facts.talk.replica_words,
        has_times=facts.has_times,
        skipped=facts.skipped,
        repeated=facts.repeated,
    )


def _parts(happened: Iterable[Occurrence]) -> Parts:
    found: dict[str, list[Occurrence]] = {}
    for one in happened:
        event_type = one.event.event_type
        found.setdefault(event_type if event_type in event_types.SHOWN else one.event.family, []).append(one)
    return found


def _from_parts(found: Parts) -> dict[str, Any]:
    canvas = _of(found, event_types.CANVAS)
    acted = [one for one in canvas if one.properties.get("type") != _HEARTBEAT]
    analyses, refusals = _of(found, event_types.ANALYSIS), _of(found, event_types.UNAVAILABLE)
    triggers = parts.guardrails(_of(found, "guardrail"))
    return {
        "joinings": _joinings(_of(found, *event_types.JOINED)),
        "perception": parts.perception(analyses, refusals),
        "objectives": objectives(_of(found, "objective")),
        "guardrails": triggers,
        "guardrail_counts": parts.guardrail_counts(triggers),
        "actions": list(map(parts.action, _of(found, event_types.ACTION))),
        "perception_tool_calls": list(map(parts.perception_tool_call, _of(found, *event_types.TOOL_CALLS))),
        "canvas_interactions": list(map(parts.canvas_interaction, acted)),
        "canvas_heartbeats": len(canvas) - len(acted),
        "replica_heartbeats": len(_of(found, event_types.REPLICA_PRESENT)),
        "memories": list(map(parts.memory, _of(found, *event_types.MEMORIES))),
        "other_events": list(map(parts.other_event, _of(found, "conversation"))),
    }


def _of(found: Parts, *names: str) -> list[Occurrence]:
    """Return the events of these parts in their common order."""
    return sort_occurrences(one for name in names for one in found.get(name, ()))


def _joinings(joined: Sequence[Occurrence]) -> list[Joining]:
    joinings: list[Joining] = []
    for one in joined:
        at, replica = one.event.occurred_at, lenient_json.first_text(one.properties, "replica_id", "face_id")
        if joinings and _is_one_moment(joinings[-1].at, at):
            joinings[-1] = Joining(at=joinings[-1].at, replica_id=joinings[-1].replica_id or replica)
        else:
            joinings.append(Joining(at=at, replica_id=replica))
    return joinings


def _is_one_moment(before: datetime | None, at: datetime | None) -> bool:
    if before is None or at is None:
        return before is at
    return at - before < ONE_JOINING


def _replica(happened: Sequence[Occurrence]) -> Replica:
    return Replica(
        id=_first_said(happened, "replica_id", "face_id"),
        replica_id=_first_said(happened, "replica_id"),
        face_id=_first_said(happened, "face_id"),
    )


def _persona(happened: Sequence[Occurrence]) -> Persona:
    return Persona(
        id=_first_said(happened, "persona_id", "pal_id"),
        persona_id=_first_said(happened, "persona_id"),
        pal_id=_first_said(happened, "pal_id"),
    )


def _first_said(happened: Iterable[Occurrence], *names: str) -> str | None:
    return next((said for one in happened if (said := lenient_json.first_text(one.properties, *names))), None)
