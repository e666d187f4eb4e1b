"""What `template.yaml` tells the functions by environment variables, read once, in this place.

Each function is told what it needs and no more, so a variable is missed by whoever asks for it. Defaults are
the template's parameters; there are none here.
"""

import os
from collections.abc import Mapping
from datetime import timedelta
from functools import cache, cached_property
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from tavus_callbacks.domain.conversations.settings import FoldSettings


class RecordingSettings(NamedTuple):
    """How recordings are served."""

    bucket: str
    missing_after: timedelta
    link_lifetime: timedelta
    cdn_url: str
    signing_key_id: str
    signing_secret: str


class PushSettings(NamedTuple):
    """Where pushes are posted: signed with a secret, or without one the bodies as they were kept."""

    url: str
    queue_url: str
    secret: str | None
    failed_bucket: str
    # Set by the local stack alone: http, and this machine, are targets too.
    is_local: bool


class TavusSettings(NamedTuple):
    """Tavus's API, and the secret that holds a key for it; only where the stack was given one."""

    api_url: str
    key_secret: str


class Settings:
    """Names of what the stack made, and how long things are kept; KeyError names what is missing."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    @cached_property
    def events_table(self) -> str:
        """Name of the table of events, quarantine, summaries and uses of tokens."""
        return self._environ["EVENTS_TABLE"]

    @cached_property
    def tokens_table(self) -> str:
        """Name of the table of tokens."""
        return self._environ["TOKENS_TABLE"]

    @cached_property
    def bodies_bucket(self) -> str:
        """Name of the bucket of large bodies."""
        return self._environ["BODIES_BUCKET"]

    @cached_property
    def spill_queue_url(self) -> str:
        """URL of the queue that keeps callbacks while the table cannot."""
        return self._environ["SPILL_QUEUE_URL"]

    @cached_property
    def metrics_namespace(self) -> str:
        """Under which name CloudWatch keeps the metrics of this stack."""
        return self._environ["METRICS_NAMESPACE"]

    @cached_property
    def store_time(self) -> float:
        """Seconds that the table and the bucket have, all attempts together."""
        return float(self._environ["STORE_SECONDS"])

    @cached_property
    def spill_time(self) -> float:
        """Seconds that the spill has, after those of the store."""
        return float(self._environ["SPILL_SECONDS"])

    @cached_property
    def event_retention(self) -> timedelta | None:
        """How long an event is kept; None for ever."""
        return self._days("EVENT_RETENTION_DAYS")

    @cached_property
    def quarantine_retention(self) -> timedelta | None:
        """How long a body stays in quarantine."""
        return self._days("QUARANTINE_RETENTION_DAYS")

    @cached_property
    def recordings_bucket(self) -> str | None:
        """Name of the bucket of recordings, where the stack has recordings."""
        return self._environ.get("RECORDINGS_BUCKET")

    @cached_property
    def recording_missing_after(self) -> timedelta:
        """How long an announced recording is waited for."""
        return self._minutes("RECORDING_MISSING_AFTER_MINUTES")

    @cached_property
    def recording_retention(self) -> timedelta | None:
        """How long what is noted of a recording is kept: with what it tells of, the longest of both."""
        spans = (self._days("EVENT_RETENTION_DAYS"), self._days("RECORDING_RETENTION_DAYS"))
        return None if None in spans else max(filter(None, spans))

    @cached_property
    def recordings(self) -> RecordingSettings | None:
        """How recordings are served, where the stack has recordings."""
        if self.recordings_bucket is None:
            return None
        return RecordingSettings(
            bucket=self.recordings_bucket,
            missing_after=self.recording_missing_after,
            link_lifetime=self._minutes("LINK_LIFETIME_MINUTES"),
            cdn_url=self._environ["CDN_URL"],
            signing_key_id=self._environ["SIGNING_KEY_ID"],
            signing_secret=self._environ["SIGNING_SECRET"],
        )

    @cached_property
    def fold(self) -> "FoldSettings":
        """What is known of this team's conversations."""
        from tavus_callbacks.domain.conversations.settings import FoldSettings

        return FoldSettings(
            presumed_ended_after=self._minutes("PRESUMED_ENDED_AFTER_MINUTES"),
            expect_recording=self._environ["EXPECT_RECORDING"] == "true",
            expect_perception=self._environ["EXPECT_PERCEPTION"] == "true",
            summary_window=timedelta(seconds=int(self._environ["SUMMARY_WINDOW_SECONDS"])),
        )

    @cached_property
    def event_bus(self) -> str | None:
        """Name of the bus that is told, where the stack has one."""
        return self._environ.get("EVENT_BUS") or None

    @cached_property
    def push(self) -> PushSettings:
        """Where pushes are posted."""
        return PushSettings(
            url=self._environ["PUSH_URL"],
            queue_url=self._environ["PUSH_QUEUE_URL"],
            secret=self._environ.get("PUSH_SECRET") or None,
            failed_bucket=self._environ["FAILED_BUCKET"],
            is_local=self._environ.get("PUSH_TO_THIS_MACHINE") == "true",
        )

    @cached_property
    def tavus(self) -> TavusSettings | None:
        """How Tavus is asked, where the stack was given a key."""
        secret = self._environ.get("TAVUS_API_KEY_SECRET")
        return TavusSettings(self._environ["TAVUS_API_URL"], secret) if secret else None

    def _days(self, name: str) -> timedelta | None:
        days = int(self._environ[name])
        return timedelta(days=days) if days else None

    def _minutes(self, name: str) -> timedelta:
        return timedelta(minutes=int(self._environ[name]))


@cache
def settings() -> Settings:
    """Return the settings of this runtime."""
    return Settings(dict(os.environ))
