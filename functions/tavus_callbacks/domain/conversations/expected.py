"""Whether a conversation has ended, and what has not arrived of what should have.

Tavus promises nothing, so both are judged by the delays that people saw (docs/tavus.md, "Timing").
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Literal

from pydantic import Field

from tavus_callbacks.domain.callbacks import event_types
from tavus_callbacks.domain.common.view import Moment, View
from tavus_callbacks.domain.conversations.facts import Facts
from tavus_callbacks.domain.conversations.settings import FoldSettings

Status = Literal["active", "ended", "presumed_ended"]
What = Literal["shutdown", "transcript", "perception", "recording"]

# Seconds from the end to the callback: 0.001 to 0.4 seen, 3 min, seconds to a few minutes.
_USUAL_DELAY: dict[What, float] = {"shutdown": 1, "transcript": 1, "perception": 180, "recording": 180}

# Overdue is three times the usual delay, but not before a minute, for the way here takes time too.
_PATIENCE, _LEAST = 3, 60.0

# What each arrives as, a refusal included.
_ARRIVES_AS: dict[What, frozenset[str]] = {
    "shutdown": frozenset((event_types.SHUTDOWN,)),
    "transcript": frozenset((event_types.TRANSCRIPT,)),
    "perception": frozenset((event_types.ANALYSIS, event_types.UNAVAILABLE)),
    "recording": frozenset((event_types.RECORDING, event_types.COPY_FAILED)),
}

# These come after the end only: where they are, a shutdown is late or lost.
_AFTER_THE_END = _ARRIVES_AS["transcript"] | _ARRIVES_AS["perception"] | {event_types.ACTION}

_RAVEN = frozenset((event_types.MEMORY_EVIDENCE, *event_types.TOOL_CALLS))


class Missing(View):
    """Something that should have arrived."""

    what: What
    since: Moment | None = Field(description="The end, or the last sign of life, by the sender's clock.")
    usual_delay: float = Field(description="Seconds after which it usually comes.")
    overdue: bool


def status_of(facts: Facts, *, now: datetime, settings: FoldSettings) -> Status:
    """Return the state: presumed ended after long silence, or where what follows an end has come."""
    if event_types.SHUTDOWN in facts.event_types:
        return "ended"
    silence = now - last_sign(facts)
    has_aftermath = bool(_AFTER_THE_END & facts.event_types) and silence > timedelta(seconds=_LEAST)
    return "presumed_ended" if has_aftermath or silence > settings.presumed_ended_after else "active"


def last_sign(facts: Facts) -> datetime:
    """Return the last sign of life: by the sender's clock if it says one, but not after the last receipt."""
    received = facts.receipt.received_last_at
    return min(facts.occurred_last_at or received, received)


def waiting_since(facts: Facts) -> datetime:
    """Return when the wait for what is missing began: at the end, but not after the last receipt.

    A sender's clock that is ahead does not lengthen the wait, nor do the times of older summaries.
    """
    return min(facts.shown_end or last_sign(facts), facts.receipt.received_last_at)


def missing_of(facts: Facts, *, now: datetime, settings: FoldSettings, has_recording: bool) -> list[Missing]:
    """Return what has not arrived; nothing while it is active, nor where nobody joined.

    A shutdown and a transcript are always expected. A perception analysis is where Raven gave another sign
    (memory evidence, a tool call) or the settings say so, a recording only where the settings do:
    `enable_recording` permits one, and nothing tells whether somebody started it. Post-call actions are
    never expected, as nothing tells how many there are.
    """
    if facts.nobody_joined or status_of(facts, now=now, settings=settings) == "active":
        return []
    arrived = facts.event_types | ({event_types.RECORDING} if has_recording else set())
    expected = (what for what in _expected(facts, settings) if not _ARRIVES_AS[what] & arrived)
    return [_missing(what, facts, now) for what in expected]


def _expected(facts: Facts, settings: FoldSettings) -> Iterator[What]:
    yield "shutdown"
    yield "transcript"
    if settings.expect_perception or _RAVEN & facts.event_types:
        yield "perception"
    if settings.expect_recording:
        yield "recording"


def _missing(what: What, facts: Facts, now: datetime) -> Missing:
    since, usual = facts.ended_at or facts.occurred_last_at, _USUAL_DELAY[what]
    waited = (now - waiting_since(facts)).total_seconds()
    return Missing(what=what, since=since, usual_delay=usual, overdue=waited > max(_LEAST, _PATIENCE * usual))
