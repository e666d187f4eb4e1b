"""Derived pushes: what the events of a subject mean together, and what its recordings show.

Each type is published once. A summary's item stores the published types as `told`, a recording's item too.

`types_by_events` depends only on the events, not on their order, so further events only add types. The
exception is `conversation.complete`: a late event may show that another one is missing. `types_by_time` adds
the types that follow because time has passed.

An end is published once for silence and once for the shutdown. Both pushes have the type
`conversation.ended`; the id depends on which of the two a push reports, not on what was published before:

    time ──▶    silence           shutdown
    published   presumed end      end                    two pushes, the second with the reason
    told        PRESUMED          PRESUMED, ENDED

    time ──▶    shutdown          silence
    published   end               nothing
    told        ENDED

Earlier versions wrote ENDED in both cases and published nothing for a shutdown after silence. Where ENDED is
stored with facts that have no shutdown, `published_types` therefore reads it as PRESUMED. The next write
stores that, because once the facts have a shutdown, nothing shows which end was published.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from tavus_callbacks.domain.callbacks import event_types
from tavus_callbacks.domain.common.timestamps import now
from tavus_callbacks.domain.conversations.expected import Missing, conversation_status, missing_parts
from tavus_callbacks.domain.conversations.facts import Facts
from tavus_callbacks.domain.conversations.settings import FoldSettings
from tavus_callbacks.domain.events.arrival_facts import ArrivalFacts
from tavus_callbacks.domain.pushes import push
from tavus_callbacks.domain.pushes.push import Push, RecordingData, push_id, subject_url
from tavus_callbacks.domain.recordings.claim import RecordingStatus
from tavus_callbacks.domain.recordings.recording import Recording, certain_status
from tavus_callbacks.domain.recordings.view import failure
from tavus_callbacks.domain.resources.facts import ResourceFacts
from tavus_callbacks.domain.summaries.summary import (
    CONVERSATION,
    ConversationSummary,
    ResourceSummary,
    SubjectFacts,
    conversation_summary,
    resource_summary,
)

_BY_EVENT_TYPE = {
    **dict.fromkeys(event_types.JOINED, push.STARTED),
    event_types.SHUTDOWN: push.ENDED,
    event_types.TRANSCRIPT: push.TRANSCRIPT,
    event_types.ANALYSIS: push.PERCEPTION,
    event_types.UNAVAILABLE: push.NO_PERCEPTION,
}
_BY_RESOURCE_STATUS = {"ready": "ready", "error": "failed"}
_BY_RECORDING_STATUS: dict[RecordingStatus | None, str] = {
    "available": push.RECORDING,
    "failed": push.NO_RECORDING,
}
# Entries of `told` that are not types of pushes: the push's type, and the part that distinguishes its id.
_REPORTED_AS = {push.PRESUMED: (push.ENDED, "presumed")}
# The part of a subject that a push leads to.
_BELOW = {push.TRANSCRIPT: ("transcript",)}
# Time adds types only this long after the last receipt.
_AT_REST = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class SubjectState:
    """A subject with the facts of its events, at a moment."""

    kind: str
    subject: str
    facts: SubjectFacts
    now: datetime
    settings: FoldSettings

    def summary(self) -> ConversationSummary | ResourceSummary:
        """Return the summary that lists show."""
        if isinstance(self.facts, Facts):
            return conversation_summary(self.subject, self.facts, now=self.now, settings=self.settings)
        return resource_summary(self.kind, self.subject, self.facts)


def types_by_events(state: SubjectState) -> frozenset[str]:
    """Return the types that follow from a subject's events."""
    facts = state.facts
    if isinstance(facts, ResourceFacts):
        statuses = facts.statuses & _BY_RESOURCE_STATUS.keys()
        return frozenset(f"{state.kind}.{_BY_RESOURCE_STATUS[status]}" for status in statuses)
    types = {_BY_EVENT_TYPE[event_type] for event_type in facts.event_types & _BY_EVENT_TYPE.keys()}
    is_complete = push.ENDED in types and not _missing(facts, state)
    return frozenset(types | ({push.COMPLETE} if is_complete else set()))


def types_by_time(state: SubjectState) -> frozenset[str]:
    """Return the types by events, the presumed end, and `complete` if all that is missing is overdue."""
    facts, types = state.facts, types_by_events(state)
    if isinstance(facts, ResourceFacts):
        return types
    if conversation_status(facts, now=state.now, settings=state.settings) == "active":
        return types
    # After an outage, old callbacks come one by one: the rest may be on its way.
    if state.now - facts.receipt.received_last_at < _AT_REST:
        return types
    is_over = all(missing.overdue for missing in _missing(facts, state))
    end = push.ENDED if push.ENDED in types else push.PRESUMED
    return types | {end} | ({push.COMPLETE} if is_over else set())


def published_types(told: frozenset[str], facts: SubjectFacts) -> frozenset[str]:
    """Return the types that a summary's item says were published; `facts` are those of the same item."""
    if push.ENDED in told and isinstance(facts, Facts) and event_types.SHUTDOWN not in facts.event_types:
        return told - {push.ENDED} | {push.PRESUMED}
    return told


def _missing(facts: Facts, state: SubjectState) -> list[Missing]:
    return missing_parts(facts, now=state.now, settings=state.settings, has_recording=bool(facts.recordings))


def derived_pushes(state: SubjectState, types: Collection[str]) -> list[Push]:
    """Make a subject's pushes of some types, one of each, sorted by type."""
    data = state.summary() if types else None
    receipt = state.facts.receipt
    return [
        Push(
            push_id=push_id(reported_type, state.kind, state.subject, *parts),
            type=reported_type,
            timestamp=_moment(push_type, state.facts) or receipt.received_last_at,
            kind=state.kind,
            subject=state.subject,
            **_origin(receipt),
            url=subject_url(state.kind, state.subject, *_BELOW.get(push_type, ())),
            data=data,
        )
        for push_type in sorted(types)
        for reported_type, *parts in [_REPORTED_AS.get(push_type, (push_type,))]
    ]


def _moment(push_type: str, facts: SubjectFacts) -> datetime | None:
    if isinstance(facts, ResourceFacts):
        return None
    transcript_at = facts.transcript.at if facts.transcript else None
    moments = {push.STARTED: facts.joined_at, push.ENDED: facts.shown_end, push.TRANSCRIPT: transcript_at}
    return moments.get(push_type)


def _origin(receipt: ArrivalFacts | None) -> dict[str, Any]:
    view = receipt.view() if receipt else {}
    return {
        "tags": view.get("tags", {}),
        "labels": view.get("labels", []),
        "simulated": view.get("simulated", False),
    }


def recording_push_type(recording: Recording) -> str | None:
    """Return the type of the push about a recording; None while its status may change."""
    return _BY_RECORDING_STATUS.get(certain_status(recording))


def recording_push(recording: Recording, receipt: ArrivalFacts | None) -> Push:
    """Make the push that a recording is available or has failed; `receipt` is its conversation's."""
    status: Literal["available", "failed"] = "available" if recording.is_there else "failed"
    push_type, claim = _BY_RECORDING_STATUS[status], recording.claim
    conversation_id = recording.conversation_id
    return Push(
        push_id=push_id(push_type, CONVERSATION, conversation_id, recording.recording_id),
        type=push_type,
        timestamp=recording.modified_at or recording.claimed_at or now(),
        kind=CONVERSATION,
        subject=conversation_id,
        **_origin(receipt),
        url=subject_url(CONVERSATION, conversation_id, "recordings", recording.recording_id),
        data=RecordingData(
            recording_id=recording.recording_id,
            status=status,
            key=recording.key,
            size=recording.size,
            duration=claim.duration if claim else None,
            content_type=recording.content_type,
            **failure(recording, status)._asdict(),
        ),
    )
