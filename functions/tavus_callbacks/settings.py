"""What `template.yaml` tells the functions by environment variables, read once, in this place."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache

from tavus_callbacks.domain.fold_settings import FoldSettings


@dataclass(frozen=True, slots=True)
class Settings:
    """Names of what the stack made, and how long things are kept; None keeps for ever."""

    events_table: str
    tokens_table: str
    bodies_bucket: str
    spill_queue_url: str | None
    event_retention: timedelta | None
    quarantine_retention: timedelta | None
    recordings: "RecordingSettings | None"
    fold: FoldSettings


@dataclass(frozen=True, slots=True)
class RecordingSettings:
    """Where recordings lie and how they are served; only where the stack has recordings."""

    bucket: str
    missing_after: timedelta
    link_lifetime: timedelta
    cdn_url: str
    signing_key_id: str
    signing_secret: str


def settings_from(environ: Mapping[str, str]) -> Settings:
    """Read settings from an environment; raises KeyError naming the variable that is missing."""
    return Settings(
        events_table=environ["EVENTS_TABLE"],
        tokens_table=environ["TOKENS_TABLE"],
        bodies_bucket=environ["BODIES_BUCKET"],
        spill_queue_url=environ.get("SPILL_QUEUE_URL"),
        event_retention=_days(environ.get("EVENT_RETENTION_DAYS", "0")),
        quarantine_retention=_days(environ.get("QUARANTINE_RETENTION_DAYS", "0")),
        recordings=_recordings(environ) if environ.get("RECORDINGS_BUCKET") else None,
        fold=FoldSettings(
            presumed_ended_after=timedelta(minutes=int(environ.get("PRESUMED_ENDED_AFTER_MINUTES", "240"))),
            expect_recording=environ.get("EXPECT_RECORDING") == "true",
            expect_perception=environ.get("EXPECT_PERCEPTION") == "true",
        ),
    )


def _recordings(environ: Mapping[str, str]) -> RecordingSettings:
    return RecordingSettings(
        bucket=environ["RECORDINGS_BUCKET"],
        missing_after=timedelta(minutes=int(environ["RECORDING_MISSING_AFTER_MINUTES"])),
        link_lifetime=timedelta(minutes=int(environ.get("LINK_LIFETIME_MINUTES", "60"))),
        cdn_url=environ.get("CDN_URL", ""),
        signing_key_id=environ.get("SIGNING_KEY_ID", ""),
        signing_secret=environ.get("SIGNING_SECRET", ""),
    )


def _days(text: str) -> timedelta | None:
    return timedelta(days=int(text)) if int(text) else None


@cache
def settings() -> Settings:
    """Return the settings of this runtime."""
    return settings_from(os.environ)
