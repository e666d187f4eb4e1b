"""Settings: what the template tells the functions, read in one place."""

from datetime import timedelta

import pytest

from tavus_callbacks.runtime.settings import Settings

RECORDINGS = {
    "RECORDINGS_BUCKET": "recordings",
    "RECORDING_MISSING_AFTER_MINUTES": "60",
    "LINK_LIFETIME_MINUTES": "30",
    "CDN_URL": "https://cdn.example",
    "SIGNING_KEY_ID": "K1",
    "SIGNING_SECRET": "secret",
}


def test_names_are_read_as_they_are():
    """A function finds what the stack made by the names that the template gave it."""
    found = Settings({"EVENTS_TABLE": "events", "TOKENS_TABLE": "tokens", "BODIES_BUCKET": "bodies"})

    assert ("events", "tokens", "bodies") == (found.events_table, found.tokens_table, found.bodies_bucket)


@pytest.mark.parametrize(
    ("days", "expected"), [("0", None), ("1", timedelta(days=1)), ("90", timedelta(days=90))]
)
def test_retention_is_in_days_and_0_is_for_ever(days, expected):
    """The template's 0 means that nothing expires."""
    found = Settings({"EVENT_RETENTION_DAYS": days, "QUARANTINE_RETENTION_DAYS": days})

    assert (expected, expected) == (found.event_retention, found.quarantine_retention)


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
        ("fold", "PRESUMED_ENDED_AFTER_MINUTES"),
    ],
)
def test_what_a_function_needs_and_was_not_told_is_an_error_that_names_it(asked, missing):
    """No default stands in for the template's, and nobody has to name what he does not need."""
    with pytest.raises(KeyError, match=missing):
        getattr(Settings({}), asked)


def test_a_stack_without_recordings_has_no_settings_for_them():
    """Nothing of them is asked for; where there are recordings, all of it is."""
    assert (None, None) == (Settings({}).recordings, Settings({}).recordings_bucket)
    assert timedelta(minutes=30) == Settings(RECORDINGS).recordings.link_lifetime
    with pytest.raises(KeyError, match="CDN_URL"):
        _ = Settings({name: value for name, value in RECORDINGS.items() if name != "CDN_URL"}).recordings
