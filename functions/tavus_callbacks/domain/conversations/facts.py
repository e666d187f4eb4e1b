"""The small facts about a conversation that its summary holds, gathered event by event in any order.

`merge` takes the least, the greatest or the union of each member. So it is commutative, associative and
idempotent: duplicates and out-of-order events change only members named `received…`. The view uses the same
facts.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import reduce
from typing import Any

from pydantic import Field

from tavus_callbacks.domain.callbacks import event_types
from tavus_callbacks.domain.callbacks.families import MAX_NAME, object_key
from tavus_callbacks.domain.callbacks.recording_owner import belongs_to_other, is_usable
from tavus_callbacks.domain.common import lenient_json
from tavus_callbacks.domain.common.period import Period
from tavus_callbacks.domain.common.timestamps import iso
from tavus_callbacks.domain.common.view import Moment, Names, View
from tavus_callbacks.domain.conversations.end_reason import NOBODY_JOINED, reason_code
from tavus_callbacks.domain.events.arrival_facts import ArrivalFacts, arrival_facts, merge_optional
from tavus_callbacks.domain.events.stored_event import StoredEvent
from tavus_callbacks.domain.recordings.claim import id_without_key, possible_ids, recording_id
from tavus_callbacks.domain.transcripts.alignment import first_speech, second_zero
from tavus_callbacks.domain.transcripts.statistics import Talk, talk_statistics
from tavus_callbacks.domain.transcripts.transcript import (
    Transcript,
    drop_system_turns,
    rank,
    read_transcript,
)
from tavus_callbacks.domain.transcripts.turn_times import Origin, origin_rank

CONFIRMED = "Whether Tavus's API has shown every event that is stored."

# A summary is small; the event itself keeps the whole.
_LONGEST_REASON, _REF_END = 1000, 24
# Both names under which Tavus sends an id; the second since 2026.
REPLICA_NAMES, PERSONA_NAMES = ("replica_id", "face_id"), ("persona_id", "pal_id")
# More bytes than any body has.
_MOST_BYTES = 10**8
# The events that limit the time of a conversation.
_LIMITS = (*event_types.JOINED, event_types.SHUTDOWN)
# Triggers that a summary counts: 24 bytes each, and a guardrail can trigger at every turn.
MOST_GUARDRAILS = 500
# Ids of recordings whose callbacks are unusual; anybody can send such callbacks.
_MOST_RECORDING_IDS = 50


class TranscriptFacts(View):
    """The transcript that counts among those that came: the one with the greatest `rank`.

    `origin` and `first_speech` are those of the turns alone, before another event says when the joining was.
    """

    rank: str
    at: Moment | None
    received_at: Moment
    has_times: bool
    skipped: int
    repeated: int
    talk: Talk
    origin: Origin | None = None
    first_speech: float | None = None

    def merge(self, other: "TranscriptFacts") -> "TranscriptFacts":
        """Return the one of greater rank; of the same rank, the one received first."""
        ranks = [(facts.rank, origin_rank(facts.origin)) for facts in (self, other)]
        if ranks[0] != ranks[1]:
            return self if ranks[0] > ranks[1] else other
        return min(self, other, key=lambda facts: facts.received_at)


class ShutdownReason(View):
    """A shutdown's reason with its time, which decides between several."""

    at: str
    reason: str

    def merge(self, other: "ShutdownReason") -> "ShutdownReason":
        """Return the later one; at the same time, the one later in the alphabet, which has the suffix."""
        return max(self, other, key=lambda shutdown: (shutdown.at, shutdown.reason))


class EarliestId(View):
    """The id of a replica or a persona, with the rank of the event that names it: the least counts."""

    rank: str
    id: str

    def merge(self, other: "EarliestId") -> "EarliestId":
        """Return the one of the earlier event."""
        return min(self, other, key=lambda each: (each.rank, each.id))


class Facts(View):
    """The facts of one or more events of a conversation."""

    receipt: ArrivalFacts
    occurred_last_at: Moment | None = None
    joined_at: Moment | None = None
    ended_at: Moment | None = None
    ended_ahead_at: Moment | None = Field(
        None, description="The end is later than its receipt: a wrong clock."
    )
    end_reason: ShutdownReason | None = None
    # Rows of earlier versions lack `replica`, `persona`, `has_objectives` and `recording_ids`.
    replica: EarliestId | None = None
    persona: EarliestId | None = None
    event_types: Names = Field(description="The described event types that have arrived.")
    has_objectives: bool = False
    recordings: Names = Field(frozenset(), description="Object keys that were announced.")
    unnamed_recordings: Names = Field(
        frozenset(), description="Events that announce one without a key of its own."
    )
    recording_ids: Names = Field(
        frozenset(), description="Ids that recordings may have and that do not follow from the members above."
    )
    guardrails: Names = Field(frozenset(), description="Events of triggered guardrails; a lower bound.")
    transcript: TranscriptFacts | None = None
    confirmed_at: Moment | None = None

    @property
    def is_confirmed(self) -> bool:
        """Return whether Tavus has shown every stored event; anybody may have sent a later one."""
        return self.confirmed_at is not None and self.receipt.received_last_at <= self.confirmed_at

    @property
    def replica_id(self) -> str | None:
        """Return the id of the replica, under either name, by the earliest event that names it."""
        return self.replica.id if self.replica else None

    @property
    def persona_id(self) -> str | None:
        """Return the id of the persona, under either name, by the earliest event that names it."""
        return self.persona.id if self.persona else None

    @property
    def has_perception(self) -> bool:
        """Return whether a perception analysis arrived; a refusal does not count."""
        return event_types.ANALYSIS in self.event_types

    @property
    def recording_count(self) -> int:
        """Return the number of recordings for which a callback arrived, failed ones too."""
        return len(self.recordings) + len(self.unnamed_recordings)

    def possible_recording_ids(self, conversation_id: str) -> frozenset[str]:
        """Return the ids that the announced recordings of the conversation may have."""
        ids = {recording_id(conversation_id, key) for key in self.recordings}
        return self.recording_ids | ids | set(map(id_without_key, self.unnamed_recordings))

    @property
    def end_code(self) -> str | None:
        """Return the documented reason of the end, or an unknown one as sent."""
        return reason_code(self.end_reason.reason) if self.end_reason else None

    @property
    def shown_end(self) -> datetime | None:
        """Return the end by the sender's clock; a clock that is far ahead counts only without another end."""
        return self.ended_at or self.ended_ahead_at

    @property
    def duration(self) -> float | None:
        """Return the seconds from joining to end; None if no conversation lasts so long."""
        if self.joined_at is None or self.shown_end is None:
            return None
        duration = lenient_json.seconds((self.shown_end - self.joined_at).total_seconds())
        return None if duration is None else round(duration, 3)

    @property
    def last_sign_of_life(self) -> datetime:
        """Return the sender's latest time, or else the last receipt, but never a time after that receipt."""
        received_last_at = self.receipt.received_last_at
        return min(self.occurred_last_at or received_last_at, received_last_at)

    @property
    def period(self) -> Period:
        """Return when the conversation took place, with the limits of plausible times."""
        return Period.between(self.joined_at, self.shown_end, self.last_sign_of_life)

    @property
    def second_zero(self) -> tuple[Origin | None, float]:
        """Return the time from which starts of turns count, and the seconds to add to those of `talk`."""
        if self.transcript is None:
            return None, 0.0
        return second_zero(self.transcript.origin, self.transcript.first_speech, self.period)

    @property
    def talk(self) -> Talk | None:
        """Return the numbers of the transcript; its longest turn starts as the transcript's view says."""
        talk, (_, shift) = self.transcript.talk if self.transcript else None, self.second_zero
        longest = talk.longest_turn if talk else None
        if not (talk and longest and longest.start is not None and shift):
            return talk
        start = round(longest.start + shift, 3)
        return talk.model_copy(update={"longest_turn": longest.model_copy(update={"start": start})})

    @property
    def has_no_participant(self) -> bool:
        """Return whether it ended because nobody joined, and no transcript contradicts that."""
        has_user_turns = self.transcript is not None and self.transcript.talk.user_turns > 0
        return self.end_code in NOBODY_JOINED and not has_user_turns

    def merge(self, other: "Facts") -> "Facts":
        """Return the facts of both together."""
        return Facts(
            receipt=self.receipt.merge(other.receipt),
            occurred_last_at=merge_optional(max, self.occurred_last_at, other.occurred_last_at),
            joined_at=merge_optional(min, self.joined_at, other.joined_at),
            ended_at=merge_optional(max, self.ended_at, other.ended_at),
            ended_ahead_at=merge_optional(min, self.ended_ahead_at, other.ended_ahead_at),
            end_reason=merge_optional(ShutdownReason.merge, self.end_reason, other.end_reason),
            replica=merge_optional(EarliestId.merge, self.replica, other.replica),
            persona=merge_optional(EarliestId.merge, self.persona, other.persona),
            event_types=self.event_types | other.event_types,
            has_objectives=self.has_objectives or other.has_objectives,
            recordings=self.recordings | other.recordings,
            unnamed_recordings=self.unnamed_recordings | other.unnamed_recordings,
            recording_ids=_least(self.recording_ids | other.recording_ids, _MOST_RECORDING_IDS),
            guardrails=_least(self.guardrails | other.guardrails, MOST_GUARDRAILS),
            transcript=merge_optional(TranscriptFacts.merge, self.transcript, other.transcript),
            confirmed_at=merge_optional(max, self.confirmed_at, other.confirmed_at),
        )


def _least(names: frozenset[str], most: int) -> frozenset[str]:
    """Return the least names, so that merging stays commutative, associative and idempotent."""
    return names if len(names) <= most else frozenset(sorted(names)[:most])


def conversation_period(events: Sequence[StoredEvent]) -> Period:
    """Return when a conversation took place, by its events, without reading its transcripts."""
    limits = [event for event in events if event.event_type in _LIMITS and event.occurred_at is not None]
    # Without a joining and an end, the last sign of life counts.
    facts = map(conversation_facts, limits or (replace(event, body=None) for event in events))
    return reduce(Facts.merge, facts).period


def conversation_facts(event: StoredEvent, transcript: Transcript | None = None) -> Facts:
    """Return the facts of one event or variant; `transcript` is its transcript, if it was read already."""
    facts: dict[str, Any] = {
        "event_types": event_types.SHOWN & {event.event_type},
        "has_objectives": event.family == "objective",
        **_id_facts(event),
    }
    plausible_at = event.plausible_at
    if event.event_type in event_types.JOINED:
        facts["joined_at"] = event.occurred_at
    elif event.event_type == event_types.SHUTDOWN:
        facts["ended_at" if plausible_at else "ended_ahead_at"] = event.occurred_at
        properties = lenient_json.members(event.body or {})
        if reason := lenient_json.first_text(properties, "shutdown_reason", "reason"):
            at = iso(plausible_at) if plausible_at else ""
            facts["end_reason"] = ShutdownReason(at=at, reason=reason[:_LONGEST_REASON])
    elif event.event_type in (event_types.RECORDING, event_types.COPY_FAILED):
        facts |= _recording_facts(event)
    elif event.family == "guardrail":
        facts["guardrails"] = {event.event_ref[-_REF_END:]}
    elif event.event_type == event_types.TRANSCRIPT and event.body is not None:
        facts["transcript"] = _transcript_facts(event, transcript or read_transcript(event.body))
    return Facts(receipt=arrival_facts(event), occurred_last_at=plausible_at, **facts)


def _id_facts(event: StoredEvent) -> dict[str, EarliestId]:
    """Return the replica and the persona that an event names; of one moment, the richest content counts."""
    properties = lenient_json.members(event.body or {})
    facts: dict[str, EarliestId] = {}
    for fact, names in (("replica", REPLICA_NAMES), ("persona", PERSONA_NAMES)):
        for order, name in enumerate(names):
            named = lenient_json.text(properties.get(name))
            if fact not in facts and named and len(named) <= MAX_NAME:
                moment = event.event_ref.partition("-")[0]
                rank = f"{moment}|{order}|{_MOST_BYTES - event.body_size}"
                facts[fact] = EarliestId(rank=rank, id=named)
    return facts


def _recording_facts(event: StoredEvent) -> dict[str, Any]:
    """Tell recordings apart as `read_claim` does: by their keys, else by the events that announce them.

    A key in another conversation's folder counts as announced, but no recording has arrived by it.
    """
    if event.body is None:
        return {"event_types": frozenset()}
    ids = possible_ids(event.event_type, event.subject, event.body, event.event_ref)
    key = object_key(lenient_json.members(event.body))
    is_own = not belongs_to_other(key, event.subject)
    # Usable keys only: a summary is small, and anybody can send a body.
    if is_own and key is not None and is_usable(key):
        return {"recordings": {key}, "recording_ids": ids - {recording_id(event.subject, key)}}
    ref_end = event.event_ref[-_REF_END:]
    facts = {"unnamed_recordings": {ref_end}, "recording_ids": ids - {id_without_key(ref_end)}}
    return facts if is_own else {**facts, "event_types": frozenset()}


def _transcript_facts(event: StoredEvent, transcript: Transcript) -> TranscriptFacts:
    transcript = drop_system_turns(transcript)
    return TranscriptFacts(
        rank=rank(transcript, event.plausible_at),
        at=event.occurred_at,
        received_at=event.received_at,
        has_times=transcript.has_times,
        skipped=transcript.skipped,
        repeated=transcript.repeated,
        talk=talk_statistics(transcript),
        origin=transcript.origin,
        first_speech=first_speech(transcript),
    )
