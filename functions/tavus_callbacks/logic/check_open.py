"""Check open conversations: look for their recordings, ask Tavus, and publish what only time shows.

A run checks page after page, the newest first. It ends when its time is over, or after so many questions to
Tavus; the next run goes on there. Everything here can be done twice, so runs may overlap.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast

from tavus_callbacks.aws.stores import keys
from tavus_callbacks.aws.stores.repair_attempts import parse_attempts
from tavus_callbacks.aws.stores.summaries import ListedSummary, Span, SummaryPage
from tavus_callbacks.domain.common.errors import describe_fault, is_outage
from tavus_callbacks.domain.common.timestamps import iso
from tavus_callbacks.domain.pushes.derived import types_by_time
from tavus_callbacks.domain.repair.open_conversations import (
    UNKNOWN,
    Attempts,
    Criteria,
    OpenConversation,
    find_open,
    is_waited_for,
    span_of_all,
    span_of_new,
)
from tavus_callbacks.domain.summaries.summary import CONVERSATION
from tavus_callbacks.logic.find_recording import look_for_object
from tavus_callbacks.logic.publish import Publisher, publish_recording
from tavus_callbacks.logic.repair import Clock, Stores, repair_conversation
from tavus_callbacks.logic.summarize import keep_facts, summarize
from tavus_callbacks.outbound.tavus_api import Busy, KeyRefused, TavusApi, UnknownThere, Unreadable

if TYPE_CHECKING:
    from tavus_callbacks.aws.event_bus import EventBus
    from tavus_callbacks.aws.stores.recordings import RecordingRows
    from tavus_callbacks.aws.stores.recordings_bucket import RecordingsBucket
    from tavus_callbacks.domain.conversations.facts import Facts
    from tavus_callbacks.domain.conversations.settings import FoldSettings
    from tavus_callbacks.domain.repair.sweep import Sweep

# Open conversations that are checked together, and questions to Tavus after which a run ends.
PAGE, QUESTIONS = 50, 60


@dataclass(frozen=True, slots=True)
class Stack:
    """The parts that a run uses; None for a part that the stack does not have.

    `on_refusal` is called when Tavus refuses the key or wants no more requests, `on_fault` with the id of a
    conversation that could not be checked and the place of the fault.
    """

    stores: Stores
    recordings: "RecordingRows"
    bucket: "RecordingsBucket | None"
    bus: "EventBus | None"
    tavus: TavusApi | None
    settings: "FoldSettings"
    recording_missing_after: timedelta | None
    clock: Clock
    on_refusal: Callable[[], None]
    on_fault: Callable[[str, str], None]


@dataclass(slots=True)
class Report:
    """The counts of a run, and since when conversations are open; simulated ones do not count as open.

    `following` is the place where the next run goes on, None if this one came to the end.
    """

    now: datetime
    oldest: datetime | None
    older: datetime | None
    following: str | None
    counts: Counter[str] = field(default_factory=Counter)

    def note_open(self, conversation: OpenConversation, since: datetime) -> None:
        """Note since when a conversation is open, unless it is simulated."""
        if conversation.is_simulated:
            return
        self.oldest = min(self.oldest or since, since)
        if not conversation.is_new:
            self.older = min(self.older or since, since)

    @property
    def is_refused(self) -> bool:
        """Return whether Tavus refused the key or wants no more requests."""
        return "key_refused" in self.counts or "tavus_busy" in self.counts


def check_open(stack: Stack, sweep: "Sweep", now: datetime, has_time: Callable[[], bool]) -> Report:
    """Check conversations from a sweep's place on until there is no more, or no time; raises StoreDown."""
    report = Report(now, sweep.oldest, sweep.older, sweep.before)
    span = span_of_all if sweep.is_all else span_of_new
    since = iso(now - span(stack.settings))
    while True:
        page = _list_open(stack, report, since)
        wanted = [keys.repair_attempt(conversation.conversation_id) for conversation in page.views]
        rows = stack.stores.summaries.index.items(wanted)
        for conversation, row in zip(page.views, rows, strict=True):
            try:
                _check(stack, report, conversation, parse_attempts(row))
            # A fault of one conversation: the next run tries again, and this one goes on with the others.
            except Exception as fault:
                if is_outage(fault):
                    raise
                report.counts["failed"] += 1
                # Its text could quote a body.
                stack.on_fault(conversation.conversation_id, describe_fault(fault))
        report.following = page.following
        if page.following is None or report.counts["asked"] >= QUESTIONS or not has_time():
            return report


def _list_open(stack: Stack, report: Report, since: str) -> SummaryPage:
    settings = stack.settings
    criteria = Criteria(report.now, settings, stack.recording_missing_after)

    def describe(row: ListedSummary) -> OpenConversation | None:
        report.counts["seen"] += 1
        return find_open(row.subject, cast("Facts", row.facts), criteria, has_object=row.has_object)

    objects_in = stack.recordings.bucket if settings.expect_recording else None
    span = Span(report.following, since, PAGE)
    return stack.stores.summaries.list_summaries(CONVERSATION, span, describe, objects_in=objects_in)


def _check(stack: Stack, report: Report, conversation: OpenConversation, attempts: Attempts) -> None:
    if conversation.has_recent_claim:
        _look_for_recordings(stack, report, conversation)
    if conversation.since:
        report.counts[conversation.status] += 1
        if not attempts.is_unknown:
            report.note_open(conversation, conversation.since)
    may_ask = not report.is_refused and attempts.may_ask(report.now)
    is_settled = attempts.is_unknown
    if stack.tavus and conversation.is_overdue and may_ask:
        is_settled = _ask_tavus(stack, stack.tavus, report, conversation, attempts)
    if conversation.is_lately_overdue and not is_settled:
        report.counts["overdue"] += 1
    if conversation.since and conversation.status != "active":
        publisher = Publisher(stack.bus, stack.settings, types_by_time) if stack.bus else None
        subject = conversation.conversation_id
        summarize(stack.stores.summaries, CONVERSATION, subject, keep_facts, publisher)


def _look_for_recordings(stack: Stack, report: Report, conversation: OpenConversation) -> None:
    """Look again for recordings that were announced, and publish those that are there."""
    conversation_id, recordings = conversation.conversation_id, stack.recordings
    for stored in recordings.list_all(conversation_id):
        recording = recordings.check_rivals(stored)
        if stack.bucket and is_waited_for(recording):
            report.counts["looked"] += 1
            seen = look_for_object(stack.bucket, recordings, conversation_id, str(recording.key))
            recording = recordings.check_rivals(seen or recording)
        publish_recording(stack.bus, stack.stores.summaries, recordings, recording)
        if is_waited_for(recording):
            report.counts["recordings_waited_for"] += 1
            if recording.claimed_at:
                report.note_open(conversation, recording.claimed_at)


def _ask_tavus(
    stack: Stack, tavus: TavusApi, report: Report, conversation: OpenConversation, attempts: Attempts
) -> bool:
    """Ask Tavus for what is missing; return whether the conversation is complete now, or unknown to Tavus.

    The attempt is noted first: a run that dies does not ask for ever.
    """
    conversation_id, rows = conversation.conversation_id, stack.stores.attempts
    if not rows.claim(conversation_id, attempts, next_at=attempts.pause_until(report.now)):
        return False
    report.counts["asked"] += 1
    try:
        record = tavus.conversation(conversation_id)
    except (Busy, KeyRefused) as error:
        # Nothing more is asked in this run. The next one reads the key again, which may be another by then.
        report.counts["key_refused" if isinstance(error, KeyRefused) else "tavus_busy"] += 1
        stack.on_refusal()
    except (UnknownThere, Unreadable) as error:
        outcome = UNKNOWN if isinstance(error, UnknownThere) else "unreadable"
        report.counts[outcome] += 1
        rows.note(conversation_id, at=stack.clock(), outcome=outcome)
        return outcome == UNKNOWN
    else:
        repair = repair_conversation(stack.stores, record, label=conversation.label, clock=stack.clock)
        report.counts["filed"] += len(repair.events)
        report.counts["variants"] += repair.variants
        report.counts["unfileable"] += repair.unfileable
        report.counts["confirmed"] += repair.confirmed
        return repair.confirmed or repair.outcome in ("filed", "erased")
    return False
