"""Check open conversations on a schedule.

Each run checks the newest conversations, every three hours all those of three days.
"""

from typing import Any

from aws_lambda_powertools import Logger

from tavus_callbacks.aws import clients
from tavus_callbacks.aws.dead_letters import count_dead_letters
from tavus_callbacks.aws.stores.sweep import read_sweep, write_sweep
from tavus_callbacks.domain.common.errors import StoreDown
from tavus_callbacks.domain.common.metrics import Counts, count
from tavus_callbacks.domain.common.timestamps import now
from tavus_callbacks.logic.check_open import Stack, check_open
from tavus_callbacks.logic.repair import Stores
from tavus_callbacks.outbound.tavus_api import TavusApi
from tavus_callbacks.runtime import wiring
from tavus_callbacks.runtime.log import write_record
from tavus_callbacks.runtime.settings import settings

logger = Logger(location=None, use_rfc3339=True)

# Seconds that must be left to begin another page: one question may take long, and Tavus may be slow.
RESERVE = 120


def handler(_event: object, context: Any) -> None:
    """Check open conversations until the end or the time limit; log the record even after a failure."""
    record: dict[str, Any] = _count_failed()
    try:
        record |= _check(context)
    finally:
        write_record(logger, "watch", record)


def _check(context: Any) -> dict[str, Any]:
    """Check open conversations and return the members of the log record; raises StoreDown."""
    at = now()
    tavus, is_unreadable = _open_tavus()
    sweep = read_sweep(wiring.table()).begin(at)
    report = check_open(
        _stack(tavus), sweep, at, lambda: bool(context.get_remaining_time_in_millis() >= RESERVE * 1000)
    )
    sweep = sweep.end(at, before=report.following, oldest=report.oldest, older=report.older)
    write_sweep(wiring.table(), sweep)
    counts = {**report.counts, **({"key_unreadable": 1} if is_unreadable else {})}
    oldest = min(filter(None, (sweep.oldest, sweep.older_before)), default=at)
    age = max(0, round((at - oldest).total_seconds()))
    return {**counts, "is_whole": report.following is None, **count("oldest_open", age)}


def _open_tavus() -> tuple[TavusApi | None, bool]:
    """Return Tavus's API, and whether its key could not be read; all other work continues without a key."""
    try:
        return wiring.tavus_api(), False
    except StoreDown as error:
        logger.error("the secret of Tavus's key cannot be read", extra={"cause": str(error)})  # noqa: TRY400 - AWS's code says it
        return None, True


def _count_failed() -> Counts:
    """Return how many events wait for a redrive; nothing if their bucket does not answer."""
    try:
        return count("failed_waiting", count_dead_letters(clients.s3(), settings().failed_bucket))
    except StoreDown as error:
        logger.error("the failed bucket cannot be read", extra={"cause": str(error)})  # noqa: TRY400 - AWS's code says it
        return {}


def _stack(tavus: TavusApi | None) -> Stack:
    config = settings()
    has_recordings = bool(config.recordings_bucket)
    return Stack(
        stores=Stores(wiring.events_table(), wiring.repair_attempts(), wiring.summaries()),
        recordings=wiring.recordings(),
        bucket=wiring.recordings_bucket() if has_recordings else None,
        bus=wiring.event_bus(),
        tavus=tavus,
        settings=config.fold,
        recording_missing_after=config.recording_missing_after if has_recordings else None,
        clock=now,
        on_refusal=wiring.tavus_api.cache_clear,
        # Without a trace, because that could quote a body.
        on_fault=lambda conversation_id, fault: logger.error(
            "stumbled", extra={"conversation_id": conversation_id, "fault": fault}
        ),
    )
