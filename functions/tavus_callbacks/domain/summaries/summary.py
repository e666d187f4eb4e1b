"""A summary: the facts of one subject, merged as its events arrive, and the views of them in lists.

Views are folded from the events. Lists, filters and schedules cannot afford that and read summaries.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from typing import Any

from pydantic import Field

from tavus_callbacks.domain.common.compression import pack, unpack
from tavus_callbacks.domain.common.tags import is_tagged
from tavus_callbacks.domain.common.view import Moment, View
from tavus_callbacks.domain.conversations.expected import (
    ConversationStatus,
    conversation_status,
    missing_parts,
)
from tavus_callbacks.domain.conversations.facts import CONFIRMED, Facts, conversation_facts
from tavus_callbacks.domain.conversations.settings import FoldSettings
from tavus_callbacks.domain.events.stored_event import StoredEvent
from tavus_callbacks.domain.resources.facts import ResourceFacts, ResourceStatus, resource_facts
from tavus_callbacks.domain.transcripts.statistics import Talk

CONVERSATION = "conversation"
SHARDS = 8

SubjectFacts = Facts | ResourceFacts


def shards(kind: str) -> list[str]:
    """Return the index's partition keys for a kind."""
    return [f"{kind}#{number}" for number in range(SHARDS)]


def facts_from(kind: str, events: Iterable[StoredEvent]) -> SubjectFacts:
    """Gather the facts of one or more events of a subject."""
    gather: Callable[[StoredEvent], Any] = conversation_facts if kind == CONVERSATION else resource_facts
    facts: SubjectFacts = reduce(lambda facts, more: facts.merge(more), map(gather, events))
    return facts


def pack_facts(facts: SubjectFacts) -> str | bytes:
    """Write facts as JSON without defaults, deflated if that is shorter.

    Most summaries then are one write unit, not two.
    """
    text = facts.model_dump_json(exclude_defaults=True)
    packed = pack(text.encode())
    return packed.data if packed.encoding == "deflate" else text


def unpack_facts(packed: str | bytes) -> str:
    """Return packed facts as JSON."""
    return packed if isinstance(packed, str) else unpack(packed, "deflate").decode()


def parse_facts(kind: str, packed: str | bytes) -> SubjectFacts:
    """Parse packed facts; raises ValueError."""
    model = Facts if kind == CONVERSATION else ResourceFacts
    facts: SubjectFacts = model.model_validate_json(unpack_facts(packed))
    return facts


def confirm(facts: SubjectFacts, at: datetime | None) -> SubjectFacts:
    """Add when Tavus last showed every stored event of a conversation, None if it never did."""
    return facts if at is None else facts.model_copy(update={"confirmed_at": at})


class ConversationSummary(View):
    """A conversation in a list."""

    conversation_id: str
    replica_id: str | None
    persona_id: str | None
    status: ConversationStatus
    joined_at: Moment | None
    ended_at: Moment | None
    duration: float | None = Field(description="Seconds from the first joining to the end.")
    end_reason: str | None
    has_transcript: bool
    has_perception: bool = Field(description="Whether a perception analysis arrived.")
    has_objectives: bool = Field(description="Whether an event of an objective arrived.")
    turns: int | None
    talk: Talk | None
    recordings: int = Field(description="The number of announced recordings, including failed ones.")
    guardrails: int = Field(description="How often a guardrail triggered, at most 500.")
    missing: list[str] = Field(description="The parts that are expected and have not arrived.")
    confirmed: bool = Field(description=CONFIRMED)
    tags: dict[str, str | list[str]]
    labels: list[str]
    simulated: bool
    received_first_at: Moment
    received_last_at: Moment


class ResourceSummary(View):
    """A video, replica or other subject with a status, in a list."""

    kind: str
    id: str
    status: ResourceStatus
    tags: dict[str, str | list[str]]
    labels: list[str]
    simulated: bool
    received_first_at: Moment
    received_last_at: Moment


class SubjectSummary(View):
    """A subject in the list of all kinds."""

    kind: str
    subject: str
    tags: dict[str, str | list[str]]
    labels: list[str]
    simulated: bool
    received_first_at: Moment
    received_last_at: Moment


Summary = ConversationSummary | ResourceSummary | SubjectSummary


def conversation_summary(
    conversation_id: str, facts: Facts, *, now: datetime, settings: FoldSettings, has_object: bool = False
) -> ConversationSummary:
    """Describe a conversation by its facts; `has_object` says that a recording came without its callback."""
    has_recording = has_object or bool(facts.recordings)
    missing = missing_parts(facts, now=now, settings=settings, has_recording=has_recording)
    return ConversationSummary(
        conversation_id=conversation_id,
        replica_id=facts.replica_id,
        persona_id=facts.persona_id,
        status=conversation_status(facts, now=now, settings=settings),
        joined_at=facts.joined_at,
        ended_at=facts.shown_end,
        duration=facts.duration,
        end_reason=facts.end_code,
        has_transcript=facts.transcript is not None,
        has_perception=facts.has_perception,
        has_objectives=facts.has_objectives,
        turns=facts.transcript.talk.total_turns if facts.transcript else None,
        talk=facts.talk,
        recordings=facts.recording_count,
        guardrails=len(facts.guardrails),
        missing=[part.what for part in missing],
        confirmed=facts.is_confirmed,
        **_arrival(facts),
    )


def resource_summary(kind: str, subject: str, facts: ResourceFacts) -> ResourceSummary:
    """Describe a resource by its facts."""
    return ResourceSummary(kind=kind, id=subject, status=facts.status, **_arrival(facts))


def subject_summary(kind: str, subject: str, facts: SubjectFacts) -> SubjectSummary:
    """Describe a subject of any kind by its facts."""
    return SubjectSummary(kind=kind, subject=subject, **_arrival(facts))


def _arrival(facts: SubjectFacts) -> dict[str, Any]:
    """Return the members about tags, labels and times that all views have."""
    members = facts.receipt.view()
    del members["received_from"]
    return members


@dataclass(frozen=True, slots=True)
class Filter:
    """The criteria of a list; None matches everything."""

    tag: tuple[str, str] | None = None
    label: str | None = None
    status: str | None = None
    missing: str | None = None
    simulated: bool | None = None
    replica: str | None = None

    def matches(self, summary: Summary) -> bool:
        """Return whether a summary is in the list."""
        missing = summary.missing if isinstance(summary, ConversationSummary) else []
        replica = summary.replica_id if isinstance(summary, ConversationSummary) else None
        status = None if isinstance(summary, SubjectSummary) else summary.status
        return (
            (self.tag is None or is_tagged(summary.tags, self.tag))
            and (self.label is None or self.label in summary.labels)
            and (self.status is None or self.status == status)
            and (self.missing is None or self.missing in missing)
            and (self.simulated is None or self.simulated == summary.simulated)
            and (self.replica is None or self.replica == replica)
        )
