"""The settings that `template.yaml` gives the functions as environment variables.

Each function gets only the variables it needs, so a variable is read when it is first used. The template
holds every value, from its parameters or as a constant; there are no defaults here.
"""

import os
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import cache, cached_property
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from tavus_callbacks.domain.conversations.settings import FoldSettings

T = TypeVar("T")


class MissingVariable(Exception):
    """A function uses an environment variable that its deployment does not set."""

    def __init__(self, name: str) -> None:
        super().__init__(f"The environment variable {name} is missing.")


class _Variable(Generic[T]):
    """An environment variable, parsed once; raises MissingVariable if it is not set and has no default."""

    def __init__(self, variable: str, parse: Callable[[str], T], default: str | None = None) -> None:
        self.variable, self.parse, self.default = variable, parse, default

    def __set_name__(self, _owner: type, name: str) -> None:
        self.name = name

    def __get__(self, settings: "Settings", _owner: type) -> T:
        text = settings.environ.get(self.variable, self.default)
        if text is None:
            raise MissingVariable(self.variable)
        # An attribute of the object hides this descriptor, so the next read takes the value from there.
        value = settings.__dict__[self.name] = self.parse(text)
        return value


def _days(text: str) -> timedelta | None:
    return timedelta(days=int(text)) if int(text) else None


def _minutes(text: str) -> timedelta:
    return timedelta(minutes=int(text))


def _is_true(text: str) -> bool:
    return text == "true"


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split(","))


def _text_or_none(text: str) -> str | None:
    return text or None


class Settings:
    """Names of resources, retention times (None: for ever) and time limits (in seconds)."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ

    events_table = _Variable("EVENTS_TABLE", str)
    tokens_table = _Variable("TOKENS_TABLE", str)
    bodies_bucket = _Variable("BODIES_BUCKET", str)
    spill_queue_url = _Variable("SPILL_QUEUE_URL", str)
    metrics_namespace = _Variable("METRICS_NAMESPACE", str)
    # The members of log records that are metrics; a stack of an earlier version does not set it.
    metrics = _Variable("METRICS", _names, "")
    # The table and the bucket get this long, all attempts together; the spill gets its time after that.
    store_time = _Variable("STORE_SECONDS", float)
    spill_time = _Variable("SPILL_SECONDS", float)
    event_retention = _Variable("EVENT_RETENTION_DAYS", _days)
    quarantine_retention = _Variable("QUARANTINE_RETENTION_DAYS", _days)
    # None if the stack has no recordings.
    recordings_bucket = _Variable("RECORDINGS_BUCKET", _text_or_none, "")
    recording_missing_after = _Variable("RECORDING_MISSING_AFTER_MINUTES", _minutes)
    link_lifetime = _Variable("LINK_LIFETIME_MINUTES", _minutes)
    cdn_url = _Variable("CDN_URL", str)
    signing_key_id = _Variable("SIGNING_KEY_ID", str)
    signing_secret = _Variable("SIGNING_SECRET", str)
    # None if the stack has no bus.
    event_bus = _Variable("EVENT_BUS", _text_or_none, "")
    push_url = _Variable("PUSH_URL", str)
    push_queue_url = _Variable("PUSH_QUEUE_URL", str)
    # None if pushes are the unsigned bodies of the callbacks.
    push_secret = _Variable("PUSH_SECRET", _text_or_none, "")
    failed_bucket = _Variable("FAILED_BUCKET", str)
    # Only the local stack sets it: plain HTTP and this machine are valid targets too.
    push_is_local = _Variable("PUSH_TO_THIS_MACHINE", _is_true, "")
    tavus_api_url = _Variable("TAVUS_API_URL", str)
    # None if the stack has no key for Tavus's API.
    tavus_key_secret = _Variable("TAVUS_API_KEY_SECRET", _text_or_none, "")
    presumed_ended_after = _Variable("PRESUMED_ENDED_AFTER_MINUTES", _minutes)
    expect_recording = _Variable("EXPECT_RECORDING", _is_true)
    expect_perception = _Variable("EXPECT_PERCEPTION", _is_true)
    _recording_retention = _Variable("RECORDING_RETENTION_DAYS", _days)

    @cached_property
    def recording_retention(self) -> timedelta | None:
        """How long the row of a recording stays: as long as its events or its file, the longer of both."""
        if self.event_retention is None or self._recording_retention is None:
            return None
        return max(self.event_retention, self._recording_retention)

    @cached_property
    def fold(self) -> "FoldSettings":
        """How conversations are judged."""
        from tavus_callbacks.domain.conversations.settings import FoldSettings

        return FoldSettings(
            presumed_ended_after=self.presumed_ended_after,
            expect_recording=self.expect_recording,
            expect_perception=self.expect_perception,
        )


@cache
def settings() -> Settings:
    """Return the settings of this runtime."""
    return Settings(dict(os.environ))
