"""The small facts about a conversation that a summary item holds, gathered event by event in any order.

`merge` takes the least, the greatest or the union of each member and nothing else, so that it is
commutative, associative and idempotent: order and repetition of arrival change nothing but members named
`received…`. The view is folded with the same facts.
"""

from collections.abc import Iterable
from datetime import datetime
from functools import reduce
from typing import Any

from pydantic import Field

from tavus_callbacks.domain.callbacks import event_types
from tavus_callbacks.domain.callbacks.families import object_key
from tavus_callbacks.domain.callbacks.recording_place import belongs_to_other, is_usable
from tavus_callbacks.domain.common import lenient_json
from tavus_callbacks.domain.common.timestamps import iso
from tavus_callbacks.domain.common.view import Moment, Names, View
from tavus_callbacks.domain.conversations.end_reason import NOBODY_JOINED, code_of
from tavus_callbacks.domain.events.arrival_facts import ReceiptFacts, either, receipt_of
from tavus_callbacks.domain.events.stored_event import StoredEvent
from tavus_callbacks.domain.transcripts.statistics import Talk, talk
from tavus_callbacks.domain.transcripts.transcript import (
    rank,
    read_transcript,
    without_system,
)

CONFIRMED = "Whether Tavus itself, asked by its API, has shown every event that is kept."

# A summary is small; the event itself keeps the whole.
_LONGEST_REASON, _REF_END = 1000, 24
# Triggers that a summary counts: 24 bytes each, and a guardrail can trigger at every turn.
MOST_GUARDRAILS = 500


class TranscriptFacts(View):
    """The transcript that counts among those that came: the one with the greatest `rank`."""

    rank: str
    at: Moment | None
    received_at: Moment
    has_times: bool
    skipped: int
    repeated: int
    talk: Talk

    def merge(self, other: "TranscriptFacts") -> "TranscriptFacts":
        """Return the one of greater rank; of equals the one received first."""
        if self.rank != other.rank:
            return max(self, other, key=lambda facts: facts.rank)
        return min(self, other, key=lambda facts: facts.received_at)


class EndReason(View):
    """A shutdown's reason with its time, which decides between several."""

    at: str
    reason: str

    def merge(self, other: "EndReason") -> "EndReason":
        """Return the later one; of one time the one later in the alphabet, which has the suffix."""
        return max(self, other, key=lambda end: (end.at, end.reason))


class Facts(View):
    """What one or more events of a conversation say."""

    receipt: ReceiptFacts
    occurred_last_at: Moment | None = None
    joined_at: Moment | None = None
    ended_at: Moment | None = None
    ended_ahead_at: Moment | None = Field(None, description="An end after its own receipt: a wrong clock.")
    end_reason: EndReason | None = None
    event_types: Names = Field(description="Of the described ones, which have arrived.")
    recordings: Names = Field(frozenset(), description="Object keys that were announced.")
    unnamed_recordings: Names = Field(
        frozenset(), description="Events that announce one without a key of its own."
    )
    guardrails: Names = Field(frozenset(), description="Events of guardrails that triggered; the least ones.")
    transcript: TranscriptFacts | None = None
    confirmed_at: Moment | None = None

    @property
    def is_confirmed(self) -> bool:
        """Tell whether Tavus has shown all that is kept: what came later, anybody may have sent."""
        return self.confirmed_at is not None and self.receipt.received_last_at <= self.confirmed_at

    @property
    def announced(self) -> int:
        """Count the recordings for which a callback came, failed ones too."""
        return len(self.recordings) + len(self.unnamed_recordings)

    @property
    def end_code(self) -> str | None:
        """Return the documented reason of the end, or an unknown one as sent."""
        return code_of(self.end_reason.reason) if self.end_reason else None

    @property
    def shown_end(self) -> datetime | None:
        """Return the end by the sender's clock; a clock that is far ahead counts only where no other does."""
        return self.ended_at or self.ended_ahead_at

    @property
    def duration(self) -> float | None:
        """Return the seconds from joining to end; None if that is no time in which a conversation fits."""
        if self.joined_at is None or self.shown_end is None:
            return None
        lasted = lenient_json.seconds((self.shown_end - self.joined_at).total_seconds())
        return None if lasted is None else round(lasted, 3)

    @property
    def nobody_joined(self) -> bool:
        """Tell whether it ended because nobody came, and nobody was heard."""
        heard = self.transcript is not None and self.transcript.talk.user_turns > 0
        return self.end_code in NOBODY_JOINED and not heard

    def merge(self, other: "Facts") -> "Facts":
        """Return what both say together."""
        return Facts(
            receipt=self.receipt.merge(other.receipt),
            occurred_last_at=either(max, self.occurred_last_at, other.occurred_last_at),
            joined_at=either(min, self.joined_at, other.joined_at),
            ended_at=either(max, self.ended_at, other.ended_at),
            ended_ahead_at=either(min, self.ended_ahead_at, other.ended_ahead_at),
            end_reason=either(EndReason.merge, self.end_reason, other.end_reason),
            event_types=self.event_types | other.event_types,
            recordings=self.recordings | other.recordings,
            unnamed_recordings=self.unnamed_recordings | other.unnamed_recordings,
            guardrails=_least(self.guardrails | other.guardrails),
            transcript=either(TranscriptFacts.merge, self.transcript, other.transcript),
            confirmed_at=either(max, self.confirmed_at, other.confirmed_at),
        )


def _least(names: frozenset[str]) -> frozenset[str]:
    """Cut a set so that merging stays commutative, associative and idempotent."""
    return names if len(names) <= MOST_GUARDRAILS else frozenset(sorted(names)[:MOST_GUARDRAILS])


def conversation_facts(events: Iterable[StoredEvent]) -> Facts:
    """Gather the facts of one or more events; raises TypeError where there is none."""
    return reduce(Facts.merge, map(facts_of, events))


def facts_of(event: StoredEvent) -> Facts:
    """Return what one event or variant says."""
    arrived = {"event_types": event_types.SHOWN & {event.event_type}}
    return Facts(
        receipt=receipt_of(event),
        occurred_last_at=event.plausible_at,
        **{**arrived, **_own_facts(event)},
    )


def _own_facts(event: StoredEvent) -> dict[str, Any]:
    if event.event_type in event_types.JOINED:
        return {"joined_at": event.occurred_at}
    if event.event_type == event_types.SHUTDOWN:
        return {**_end(event), "end_reason": _end_reason(event)}
    if event.event_type in (event_types.RECORDING, event_types.COPY_FAILED):
        return _announced(event)
    if event.family == "guardrail":
        return {"guardrails": {event.event_ref[-_REF_END:]}}
    return {"transcript": _transcript(event)}


def _end(event: StoredEvent) -> dict[str, Any]:
    return {"ended_at": event.plausible_at} if event.plausible_at else {"ended_ahead_at": event.occurred_at}


def _end_reason(event: StoredEvent) -> EndReason | None:
    at = iso(event.plausible_at) if event.plausible_at else ""
    properties = lenient_json.members(event.body or {})
    reason = lenient_json.first_text(properties, "shutdown_reason", "reason")
    return EndReason(at=at, reason=reason[:_LONGEST_REASON]) if reason else None


def _announced(event: StoredEvent) -> dict[str, Any]:
    """Tell recordings apart as `read_claim` does: by their keys, else by the events that announce them.

    A key in another conversation's folder counts as announced, but no recording has arrived by it.
    """
    keys = set() if event.body is None else {object_key(lenient_json.members(event.body))}
    own = {key for key in keys if not belongs_to_other(key, event.subject)}
    # Usable keys only: a summary is small, and anybody can send a body.
    usable = frozenset(key for key in own if key is not None and is_usable(key))
    announced = {
        "recordings": usable,
        "unnamed_recordings": {event.event_ref[-_REF_END:]} if keys - usable else set(),
    }
    return announced if own else {**announced, "event_types": frozenset()}


def _transcript(event: StoredEvent) -> TranscriptFacts | None:
    if event.event_type != event_types.TRANSCRIPT or event.body is None:
        return None
    transcript = without_system(read_transcript(event.body))
    return TranscriptFacts(
        rank=rank(transcript, event.plausible_at),
        at=event.occurred_at,
        received_at=event.received_at,
        has_times=transcript.has_times,
        skipped=transcript.skipped,
        repeated=transcript.repeated,
        talk=talk(transcript),
    )
