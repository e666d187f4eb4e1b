"""Settings: what the template tells the functions, read in one place."""

from datetime import timedelta

import pytest

from tavus_callbacks.settings import settings_from

NAMES = {"EVENTS_TABLE": "events", "TOKENS_TABLE": "tokens", "BODIES_BUCKET": "bodies"}


def test_names_are_read_and_things_are_kept_for_ever():
    """Without a retention nothing expires."""
    found = settings_from(NAMES)

    assert ("events", "tokens", "bodies") == (found.events_table, found.tokens_table, found.bodies_bucket)
    assert (None, None) == (found.event_retention, found.quarantine_retention)


@pytest.mark.parametrize(
    ("days", "expected"), [("0", None), ("1", timedelta(days=1)), ("90", timedelta(days=90))]
)
def test_retention_is_in_days_and_0_is_for_ever(days, expected):
    """The template's 0 means that nothing expires."""
    found = settings_from({**NAMES, "EVENT_RETENTION_DAYS": days, "QUARANTINE_RETENTION_DAYS": days})

    assert (expected, expected) == (found.event_retention, found.quarantine_retention)


@pytest.mark.parametrize("missing", NAMES)
def test_a_missing_name_is_an_error_that_names_it(missing):
    """A function that was deployed without its environment says what it lacks."""
    with pytest.raises(KeyError, match=missing):
        settings_from({name: value for name, value in NAMES.items() if name != missing})
