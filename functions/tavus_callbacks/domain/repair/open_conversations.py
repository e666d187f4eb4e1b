"""The missing parts of a conversation, whether it is active, and when to ask Tavus about it again.

                                      Tavus is asked, ever more rarely
├── active ──┤ the end ├── usual delay ──┼──┼────┼────────┼───────────┤ 48 h: given up
├────────────────────────── open ─────────────────────────────────────┤
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from tavus_callbacks.domain.common.tags import SIMULATED
from tavus_callbacks.domain.conversations.expected import (
    ConversationStatus,
    conversation_status,
    missing_parts,
    wait_began_at,
)
from tavus_callbacks.domain.conversations.facts import Facts
from tavus_callbacks.domain.conversations.settings import FoldSettings
from tavus_callbacks.domain.recordings.recording import Recording

# A conversation is given up this long after its end was noticed. Parts missing by then stay missing.
OPEN_FOR = timedelta(hours=48)
# The longest that a conversation lasts before anything of it is open.
_LONGEST = timedelta(hours=24)
# Each run checks the newest conversations. Checking all each time would cost more than receiving them did.
_NEW_FOR, ALL_EVERY = timedelta(hours=1), timedelta(hours=3)

# The pause before Tavus is asked again about a conversation. It doubles each time: ten attempts in OPEN_FOR.
_FIRST_PAUSE = timedelta(minutes=5)

# A missing recording is checked once or twice more: its object may be as late as its callback.
_LAST_LOOKS = timedelta(minutes=15)

# The outcome of an attempt after which Tavus is not asked again.
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class OpenConversation:
    """A conversation of which something is open; `since` is None if only its recordings can tell."""

    conversation_id: str
    label: str
    status: ConversationStatus
    since: datetime | None
    is_overdue: bool
    has_recent_claim: bool
    is_new: bool
    is_simulated: bool

    @property
    def is_lately_overdue(self) -> bool:
        """Return whether a callback of a real conversation that ended lately is overdue."""
        has_ended = self.status != "active"
        return self.is_overdue and self.is_new and has_ended and not self.is_simulated


@dataclass(frozen=True, slots=True)
class Criteria:
    """When conversations are checked, and by which settings.

    `recording_missing_after` is None if the stack has no recordings.
    """

    now: datetime
    settings: FoldSettings
    recording_missing_after: timedelta | None


def find_open(
    conversation_id: str, facts: Facts, criteria: Criteria, *, has_object: bool = False
) -> OpenConversation | None:
    """Return what is open, or None; `has_object` says that a recording came without its callback."""
    now, settings = criteria.now, criteria.settings
    status = conversation_status(facts, now=now, settings=settings)
    has_recording = has_object or bool(facts.recordings)
    missing = missing_parts(facts, now=now, settings=settings, has_recording=has_recording)
    since = facts.last_sign_of_life if status == "active" else wait_began_at(facts) if missing else None
    is_given_up = since is not None and now - since > OPEN_FOR + settings.presumed_ended_after
    missing_after = criteria.recording_missing_after
    has_recent_claim = (
        missing_after is not None
        and bool(facts.recordings)
        and now - facts.receipt.received_last_at <= missing_after + _LAST_LOOKS
    )
    if (since is None or is_given_up) and not has_recent_claim:
        return None
    return OpenConversation(
        conversation_id=conversation_id,
        label=min(facts.receipt.labels),
        status=status,
        since=None if is_given_up else since,
        is_overdue=not is_given_up and any(part.overdue for part in missing),
        has_recent_claim=has_recent_claim,
        is_new=now - facts.receipt.received_first_at <= span_of_new(settings),
        is_simulated=SIMULATED in facts.receipt.tags,
    )


def span_of_all(settings: FoldSettings) -> timedelta:
    """Return how long after its first callback a conversation is checked, every ALL_EVERY."""
    return OPEN_FOR + settings.presumed_ended_after + _LONGEST


def span_of_new(settings: FoldSettings) -> timedelta:
    """Return how long after its first callback each run checks a conversation."""
    return settings.presumed_ended_after + _NEW_FOR


def is_waited_for(recording: Recording) -> bool:
    """Return whether a recording's object is expected in the stack's bucket; a failed copy is not."""
    claim = recording.claim
    is_expected = claim is not None and claim.status is None and claim.key is not None
    return is_expected and not (recording.has_object or recording.was_there)


@dataclass(frozen=True, slots=True)
class Attempts:
    """How often Tavus was asked about a conversation, what came of it, and when it may be asked again."""

    count: int = 0
    outcome: str | None = None
    next_at: datetime | None = None

    @property
    def is_unknown(self) -> bool:
        """Return whether Tavus does not know the conversation."""
        return self.outcome == UNKNOWN

    def may_ask(self, now: datetime) -> bool:
        """Return whether Tavus may be asked now."""
        return not self.is_unknown and (self.next_at is None or self.next_at <= now)

    def pause_until(self, now: datetime) -> datetime:
        """Return when Tavus may be asked again after an attempt now."""
        return now + min(_FIRST_PAUSE * (1 << self.count), OPEN_FOR)
