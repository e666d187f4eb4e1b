"""What of a conversation is still open, since when, and when Tavus is asked about it again.

                                      asked of Tavus, ever more seldom
├── active ──┤ the end ├── usual delay ──┼──┼────┼────────┼───────────┤ 48 h: given up
├────────────────────────── open ─────────────────────────────────────┤
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tavus_callbacks.domain.common.timestamps import parse
from tavus_callbacks.domain.conversations.expected import (
    Missing,
    Status,
    last_sign,
    missing_of,
    status_of,
    waiting_since,
)
from tavus_callbacks.domain.conversations.facts import Facts
from tavus_callbacks.domain.conversations.settings import FoldSettings
from tavus_callbacks.domain.recordings.recording import Recording

# So long after its end is noticed a thing is given up: it stays missing, and is no longer counted as open.
OPEN_FOR = timedelta(hours=48)
# A conversation may last, before anything of it is open.
_LONGEST = timedelta(hours=24)
# The newest are looked at each time; going through all would cost more than receiving them did.
_NEW_FOR, ALL_EVERY = timedelta(hours=1), timedelta(hours=3)

# Between the attempts to ask Tavus of one conversation; doubled each time, ten of them in OPEN_FOR.
_FIRST_PAUSE = timedelta(minutes=5)

# A recording that is missing is looked for once or twice more: its object may be as late as its callback.
_LAST_LOOKS = timedelta(minutes=15)

# Outcomes of a reading after which there is nothing more to ask.
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Open:
    """A conversation of which something is open; `since` is the oldest, None where only a look can tell."""

    conversation_id: str
    label: str
    status: Status
    since: datetime | None
    is_overdue: bool
    has_recent_claim: bool
    is_new: bool
    is_simulated: bool


@dataclass(frozen=True, slots=True)
class View:
    """When it is looked, and by what a deployment knows; `missing_after` None has no recordings."""

    now: datetime
    settings: FoldSettings
    missing_after: timedelta | None


def open_of(conversation_id: str, facts: Facts, view: View, *, has_object: bool = False) -> Open | None:
    """Return what is open of a conversation, or None; `has_object`: a recording came without callback."""
    now, settings = view.now, view.settings
    status = status_of(facts, now=now, settings=settings)
    has_recording = has_object or bool(facts.recordings)
    missing = missing_of(facts, now=now, settings=settings, has_recording=has_recording)
    since = _since(facts, status, missing)
    is_given_up = since is not None and now - since > _open_for(settings)
    has_recent_claim = _has_recent_claim(facts, now, view.missing_after)
    if (since is None or is_given_up) and not has_recent_claim:
        return None
    return Open(
        conversation_id=conversation_id,
        label=min(facts.receipt.labels),
        status=status,
        since=None if is_given_up else since,
        is_overdue=not is_given_up and any(one.overdue for one in missing),
        has_recent_claim=has_recent_claim,
        is_new=now - facts.receipt.received_first_at <= new_for(settings),
        is_simulated=("simulated", "true") in facts.receipt.tags,
    )


def listed_for(settings: FoldSettings) -> timedelta:
    """Return how long after its first callback a conversation is looked at, every ALL_EVERY."""
    return _open_for(settings) + _LONGEST


def new_for(settings: FoldSettings) -> timedelta:
    """Return how long after its first callback a conversation is looked at by each run."""
    return settings.presumed_ended_after + _NEW_FOR


def _open_for(settings: FoldSettings) -> timedelta:
    return OPEN_FOR + settings.presumed_ended_after


def _since(facts: Facts, status: Status, missing: list[Missing]) -> datetime | None:
    if status == "active":
        return last_sign(facts)
    return waiting_since(facts) if missing else None


def _has_recent_claim(facts: Facts, now: datetime, missing_after: timedelta | None) -> bool:
    if missing_after is None or not facts.recordings:
        return False
    return now - facts.receipt.received_last_at <= missing_after + _LAST_LOOKS


def is_waited_for(recording: Recording) -> bool:
    """Tell whether a recording's object is expected in the stack's bucket; a failed copy is not."""
    claim = recording.claim
    is_expected = claim is not None and claim.status is None and claim.key is not None
    return is_expected and not (recording.has_object or recording.was_there)


def may_ask(reading: Mapping[str, Any] | None, now: datetime) -> bool:
    """Tell whether Tavus is to be asked by now, by the row of the readings before."""
    if reading is None:
        return True
    if reading.get("outcome") == UNKNOWN:
        return False
    next_at = parse(reading.get("next_at"))
    return next_at is None or next_at <= now


def next_attempt(reading: Mapping[str, Any] | None, now: datetime) -> datetime:
    """Return when Tavus may be asked again after this attempt."""
    attempts = int((reading or {}).get("attempts", 0))
    return now + min(_FIRST_PAUSE * (1 << attempts), OPEN_FOR)
