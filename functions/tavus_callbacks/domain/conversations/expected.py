"""The status of a conversation, and its expected parts that have not arrived.

Tavus promises no times, so both follow from the delays that people saw (docs/tavus.md, "Timing").
"""

from datetime import datetime, timedelta
from typing import Literal

from pydantic import Field

from tavus_callbacks.domain.callbacks import event_types
from tavus_callbacks.domain.common.view import Moment, View
from tavus_callbacks.domain.conversations.delays import LEAST, USUAL_DELAY, Part, is_overdue
from tavus_callbacks.domain.conversations.facts import Facts
from tavus_callbacks.domain.conversations.settings import FoldSettings

ConversationStatus = Literal["active", "ended", "presumed_ended"]

# The event types as which each part arrives, a refusal included.
_ARRIVES_AS: dict[Part, frozenset[str]] = {
    "shutdown": frozenset((event_types.SHUTDOWN,)),
    "transcript": frozenset((event_types.TRANSCRIPT,)),
    "perception": frozenset((event_types.ANALYSIS, event_types.UNAVAILABLE)),
    "recording": frozenset((event_types.RECORDING, event_types.COPY_FAILED)),
}

# These come only after the end: if one has arrived, the shutdown is late or lost.
_AFTER_THE_END = _ARRIVES_AS["transcript"] | _ARRIVES_AS["perception"] | {event_types.ACTION}

_RAVEN = frozenset((event_types.MEMORY_EVIDENCE, *event_types.TOOL_CALLS))


class Missing(View):
    """A part that is expected and has not arrived."""

    what: Part
    since: Moment | None = Field(description="The end, or the last event, by the sender's clock.")
    usual_delay: float = Field(description="Seconds after which it usually arrives.")
    overdue: bool


def conversation_status(facts: Facts, *, now: datetime, settings: FoldSettings) -> ConversationStatus:
    """Return the status: presumed ended after long silence, or if something arrived that follows an end."""
    if event_types.SHUTDOWN in facts.event_types:
        return "ended"
    silence = now - facts.last_sign_of_life
    has_aftermath = bool(_AFTER_THE_END & facts.event_types) and silence > timedelta(seconds=LEAST)
    return "presumed_ended" if has_aftermath or silence > settings.presumed_ended_after else "active"


def wait_began_at(facts: Facts) -> datetime:
    """Return when the wait for missing parts began: at the end, but not after the last receipt.

    A sender's clock that is ahead does not lengthen the wait, nor do the times of older summaries.
    """
    return min(facts.shown_end or facts.last_sign_of_life, facts.receipt.received_last_at)


def missing_parts(
    facts: Facts, *, now: datetime, settings: FoldSettings, has_recording: bool
) -> list[Missing]:
    """Return the parts that have not arrived; none while it is active, and none if nobody joined.

    A shutdown and a transcript are always expected. A perception analysis is expected if Raven gave another
    sign (memory evidence, a tool call) or the settings ask for it, a recording only if the settings do:
    `enable_recording` permits one, and nothing shows whether somebody started it. Post-call actions are never
    expected, because nothing shows how many there are.
    """
    if facts.has_no_participant or conversation_status(facts, now=now, settings=settings) == "active":
        return []
    expected: list[Part] = ["shutdown", "transcript"]
    if settings.expect_perception or _RAVEN & facts.event_types:
        expected.append("perception")
    if settings.expect_recording:
        expected.append("recording")
    arrived = facts.event_types | ({event_types.RECORDING} if has_recording else set())
    since, waited = facts.ended_at or facts.occurred_last_at, (now - wait_began_at(facts)).total_seconds()
    return [
        Missing(
            what=part,
            since=since,
            usual_delay=USUAL_DELAY[part],
            overdue=is_overdue(part, waited),
        )
        for part in expected
        if not _ARRIVES_AS[part] & arrived
    ]
