"""The function that lets nothing hang: on a schedule it looks at what is open, and asks Tavus where it may.

Each run goes through the newest conversations, every three hours through those of three days. It ends with
its time, or with so many questions to Tavus, and the next one goes on there. What it does can be done twice:
runs may overlap.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from aws_lambda_powertools import Logger

from tavus_callbacks.aws.stores.readings import key_of
from tavus_callbacks.aws.stores.recordings import look
from tavus_callbacks.aws.stores.summaries import ListedSummary, Span
from tavus_callbacks.aws.stores.sweep import Sweep
from tavus_callbacks.domain.common.errors import StoreDown, describe_fault
from tavus_callbacks.domain.common.metrics import count
from tavus_callbacks.domain.common.timestamps import iso, now
from tavus_callbacks.domain.pushes.derived import types_by_time
from tavus_callbacks.domain.repair.open_conversations import (
    ALL_EVERY,
    UNKNOWN,
    Open,
    View,
    is_waited_for,
    listed_for,
    may_ask,
    new_for,
    next_attempt,
    open_of,
)
from tavus_callbacks.domain.summaries.summary import CONVERSATION
from tavus_callbacks.logic import repair
from tavus_callbacks.logic.publish import Publisher, publish_recording
from tavus_callbacks.logic.summarize import keep_facts, summarize
from tavus_callbacks.outbound.tavus_api import Busy, KeyRefused, TavusApi, UnknownThere, Unreadable
from tavus_callbacks.runtime import wiring
from tavus_callbacks.runtime.log import write
from tavus_callbacks.runtime.settings import settings

if TYPE_CHECKING:
    from tavus_callbacks.domain.conversations.facts import Facts

logger = Logger(location=None, use_rfc3339=True)

# Open conversations that are taken together, and questions to Tavus after which a run ends.
PAGE, QUESTIONS = 50, 60
# Seconds that are left when no further page is begun: a question may take long, and Tavus may be slow.
RESERVE = 120

Item = dict[str, Any]


def _kept() -> repair.Stores:
    return repair.Stores(wiring.events_table(), wiring.repair_attempts(), wiring.summaries())


@dataclass(slots=True)
class Run:
    """What one run has found and done; `api` is None where Tavus is not asked, or wants no more."""

    now: datetime
    api: TavusApi | None = None
    oldest: datetime | None = None
    older: datetime | None = None
    counts: dict[str, int] = field(default_factory=dict)

    def count(self, name: str, number: int = 1) -> None:
        """Count something for the log record."""
        self.counts[name] = self.counts.get(name, 0) + number

    def note_open(self, one: Open, since: datetime) -> None:
        """Note how long something is open; what is simulated raises no alarm."""
        if one.is_simulated:
            return
        self.oldest = min(self.oldest or since, since)
        if not one.is_new:
            self.older = min(self.older or since, since)


def handler(_event: object, context: Any) -> None:
    """Look at what is open until there is no more, or no time."""
    run = Run(now())
    _prepare(run)
    sweep = _begun(wiring.watch_sweep().read(), run)
    run.oldest, run.older = sweep.oldest, sweep.older
    following = _swept(run, sweep, context)
    after = _ended(sweep, run, following)
    wiring.watch_sweep().write(after)
    known = filter(None, (run.oldest, after.older_before))
    age = _seconds_since(min(known, default=None), run.now)
    write(logger, "watch", {**run.counts, "is_whole": following is None, **count("oldest_open", age)})


def _begun(sweep: Sweep, run: Run) -> Sweep:
    """Return the sweep to go on with: the one that was not ended, or the next."""
    if sweep.before is not None:
        return sweep
    is_all = sweep.all_at is None or run.now - sweep.all_at >= ALL_EVERY
    return replace(sweep, is_all=is_all, oldest=None, older=None)


def _ended(sweep: Sweep, run: Run, following: str | None) -> Sweep:
    """Return the sweep as this run leaves it."""
    after = replace(sweep, before=following, oldest=run.oldest, older=run.older)
    is_over = sweep.is_all and following is None
    return replace(after, older_before=run.older, all_at=run.now) if is_over else after


def _prepare(run: Run) -> None:
    try:
        run.api = wiring.tavus_api()
    except StoreDown as error:
        # All else goes on without a key.
        run.count("key_unreadable")
        logger.error("the secret of Tavus's key cannot be read", extra={"cause": str(error)})  # noqa: TRY400 - AWS's code says it


def _swept(run: Run, sweep: Sweep, context: Any) -> str | None:
    """Take page after page, and return where the next run is to go on, None where all is done."""
    span_of = listed_for if sweep.is_all else new_for
    before, since = sweep.before, iso(run.now - span_of(settings().fold))
    objects_in = settings().recordings_bucket if settings().fold.expect_recording else None
    while True:
        span = Span(before, since, PAGE)
        listed = wiring.summaries().list_summaries(
            CONVERSATION, span, partial(_open, run), objects_in=objects_in
        )
        _take(run, listed.views)
        before = listed.following
        is_over = run.counts.get("asked", 0) >= QUESTIONS
        if before is None or is_over or context.get_remaining_time_in_millis() < RESERVE * 1000:
            return before


def _open(run: Run, row: ListedSummary) -> Open | None:
    run.count("seen")
    config = settings()
    until = config.fold.summed_up_until(run.now)
    missing_after = config.recording_missing_after if config.recordings_bucket else None
    view = View(until, config.fold, missing_after)
    return open_of(row.subject, cast("Facts", row.facts), view, has_object=row.has_object)


def _take(run: Run, page: list[Open]) -> None:
    """Take care of open conversations; one that we stumble over keeps no other one from it."""
    readings = wiring.summaries().index.items(key_of(one.conversation_id) for one in page)
    for one, reading in zip(page, readings, strict=True):
        try:
            _care(run, one, reading)
        except StoreDown:
            raise
        # The outermost edge of our own rules: the next run tries again, and the others go on.
        except Exception as fault:  # noqa: BLE001  # logged by place, never by its text
            run.count("failed")
            logger.error(  # noqa: TRY400  # a trace could quote a body
                "stumbled", extra={"conversation_id": one.conversation_id, "fault": describe_fault(fault)}
            )


def _care(run: Run, one: Open, reading: Item | None) -> None:
    if one.has_recent_claim:
        _look(run, one)
    is_known = (reading or {}).get("outcome") != UNKNOWN
    if one.since and is_known:
        run.note_open(one, one.since)
    if one.since:
        run.count(one.status)
    if one.is_overdue and run.api and may_ask(reading, run.now):
        _ask(run, run.api, one, reading)
    if one.since and one.status != "active":
        bus = wiring.event_bus()
        publisher = Publisher(bus, settings().fold, types_by_time) if bus else None
        summarize(wiring.summaries(), CONVERSATION, one.conversation_id, keep_facts, publisher)


def _look(run: Run, one: Open) -> None:
    """Look again for recordings that were announced and are not there, and tell of those that are."""
    noted, summaries, bus = wiring.recordings(), wiring.summaries(), wiring.event_bus()
    for row in noted.rows(one.conversation_id):
        seen = _seen(run, one.conversation_id, row)
        publish_recording(bus, summaries, noted, one.conversation_id, seen)
        recording = noted.read(seen)
        if is_waited_for(recording):
            run.count("recordings_waited_for")
        if is_waited_for(recording) and recording.claimed_at:
            run.note_open(one, recording.claimed_at)


def _seen(run: Run, conversation_id: str, row: Item) -> Item:
    """Return a recording's row as it is after a look, where one is due."""
    recording = wiring.recordings().read(row)
    if settings().recordings_bucket is None or not is_waited_for(recording):
        return row
    run.count("looked")
    return look(wiring.recordings_bucket(), wiring.recordings(), conversation_id, str(recording.key)) or row


def _ask(run: Run, api: TavusApi, one: Open, reading: Item | None) -> None:
    """Ask Tavus what we lack, once the attempt is noted: a run that dies does not ask for ever."""
    readings = wiring.repair_attempts()
    if not readings.claim(one.conversation_id, reading, next_at=next_attempt(reading, run.now)):
        return
    run.count("asked")
    try:
        record = api.conversation(one.conversation_id)
    except (Busy, KeyRefused) as error:
        _leave_alone(run, error)
    except (UnknownThere, Unreadable) as error:
        outcome = UNKNOWN if isinstance(error, UnknownThere) else "unreadable"
        run.count(outcome)
        readings.note(one.conversation_id, at=now(), outcome=outcome)
    else:
        filed = repair.repair_conversation(_kept(), record, label=one.label, clock=now)
        run.count("filed", len(filed.events))
        run.count("variants", filed.variants)
        run.count("unfileable", filed.unfileable)
        run.count("confirmed", filed.confirmed)


def _leave_alone(run: Run, error: Busy | KeyRefused) -> None:
    """Ask nothing more in this run; a key may have been replaced until the next."""
    run.api = None
    run.count("key_refused" if isinstance(error, KeyRefused) else "tavus_busy")
    wiring.tavus_api.cache_clear()


def _seconds_since(moment: datetime | None, at: datetime) -> int:
    return max(0, round((at - moment).total_seconds())) if moment else 0
