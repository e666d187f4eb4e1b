"""Documented reasons of an end have a plain sentence; other reasons stay as sent."""

import pytest

from tavus_callbacks.domain.conversations.end_reason import end_reason, reason_code

DOCUMENTED = [
    "max_call_duration",
    "participant_left_timeout",
    "participant_absent_timeout",
    "bot_could_not_join_meeting_it_was_probably_ended",
    "daily_room_has_been_deleted",
    "exception_encountered_during_conversation_startup",
    "end_conversation_endpoint_hit",
]


@pytest.mark.parametrize("suffix", ["", " reached"])
@pytest.mark.parametrize("reason", DOCUMENTED)
def test_documented_reasons_are_known_with_and_without_suffix(reason, suffix):
    """Both forms of a reason give the same code and sentence."""
    found = end_reason(reason + suffix)

    assert (reason, reason + suffix) == (found.code, found.reason)
    assert end_reason(reason).plain == found.plain
    assert reason not in found.plain


def test_each_documented_reason_reads_differently():
    """No two reasons have the same sentence."""
    assert len(DOCUMENTED) == len({end_reason(reason).plain for reason in DOCUMENTED})


def test_an_internal_error_keeps_its_step():
    """The step of an internal error is in the sentence."""
    found = end_reason("internal error occurred at step start_bot")

    assert ("internal_error", "start_bot") == (found.code, found.step)
    assert found.plain == "Tavus had an internal error at step start_bot."


@pytest.mark.parametrize("reason", ["user_left", "participant_left", "Something new: 42"])
def test_an_unknown_reason_is_passed_on_verbatim(reason):
    """An undocumented reason is shown as sent."""
    found = end_reason(reason)

    assert (reason, reason) == (found.code, found.reason)
    assert found.plain.endswith(reason)


def test_an_end_without_reason_says_so():
    """A shutdown without a reason is an end too."""
    assert reason_code(None) is None
    assert end_reason(None).plain == "The conversation ended; no reason was given."
