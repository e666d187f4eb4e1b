"""Settings: what the template tells the functions, read in one place."""

from datetime import timedelta

import pytest

from tavus_callbacks.runtime.settings import MissingVariable, Settings


def test_names_are_read_as_they_are():
    """A function finds what the stack made by the names that the template gave it."""
    config = Settings({"EVENTS_TABLE": "events", "TOKENS_TABLE": "tokens", "BODIES_BUCKET": "bodies"})

    assert ("events", "tokens", "bodies") == (config.events_table, config.tokens_table, config.bodies_bucket)


@pytest.mark.parametrize(
    ("days", "expected"), [("0", None), ("1", timedelta(days=1)), ("90", timedelta(days=90))]
)
def test_retention_is_in_days_and_0_is_for_ever(days, expected):
    """The template's 0 means that nothing expires."""
    config = Settings({"EVENT_RETENTION_DAYS": days, "QUARANTINE_RETENTION_DAYS": days})

    assert (expected, expected) == (config.event_retention, config.quarantine_retention)


@pytest.mark.parametrize(
    ("asked", "missing"),
    [
        ("events_table", "EVENTS_TABLE"),
        ("tokens_table", "TOKENS_TABLE"),
        ("bodies_bucket", "BODIES_BUCKET"),
        ("spill_queue_url", "SPILL_QUEUE_URL"),
        ("store_time", "STORE_SECONDS"),
        ("spill_time", "SPILL_SECONDS"),
        ("metrics_namespace", "METRICS_NAMESPACE"),
        ("event_retention", "EVENT_RETENTION_DAYS"),
        ("quarantine_retention", "QUARANTINE_RETENTION_DAYS"),
        ("cdn_url", "CDN_URL"),
        ("push_url", "PUSH_URL"),
        ("fold", "PRESUMED_ENDED_AFTER_MINUTES"),
    ],
)
def test_what_a_function_needs_and_was_not_told_is_an_error_that_names_it(asked, missing):
    """No default stands in for the template's, and nobody has to name what he does not need."""
    with pytest.raises(MissingVariable, match=missing):
        getattr(Settings({}), asked)


def test_a_stack_without_recordings_a_bus_or_a_key_has_no_names_for_them():
    """The template leaves these variables out; their absence is not an error."""
    config = Settings({})

    assert (None, None) == (config.recordings_bucket, config.event_bus)
    assert (None, None) == (config.push_secret, config.tavus_key_secret)


@pytest.mark.parametrize(
    ("events", "recordings", "expected"),
    [("30", "90", 90), ("90", "30", 90), ("0", "30", None), ("30", "0", None)],
)
def test_the_row_of_a_recording_stays_as_long_as_its_events_and_its_file(events, recordings, expected):
    """0 keeps one of both for ever, and so the row."""
    config = Settings({"EVENT_RETENTION_DAYS": events, "RECORDING_RETENTION_DAYS": recordings})

    assert config.recording_retention == (expected and timedelta(days=expected))
