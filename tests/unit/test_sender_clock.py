"""A wrong clock of the sender neither delays a conversation nor hides a real event."""

import itertools
import json
from datetime import UTC, datetime, timedelta

import pytest
from folding import CONVERSATION, NOW, SETTINGS, gather_facts, stored_event
from hypothesis import given
from hypothesis import strategies as st

from tavus_callbacks.domain.conversations.facts import Facts, conversation_facts
from tavus_callbacks.domain.conversations.view import fold_conversation
from tavus_callbacks.domain.pushes import push
from tavus_callbacks.domain.pushes.derived import SubjectState, types_by_time
from tavus_callbacks.domain.repair.open_conversations import OPEN_FOR, Criteria, find_open
from tavus_callbacks.domain.resources.view import fold_resource
from tavus_callbacks.domain.summaries.summary import conversation_summary
from tavus_callbacks.domain.transcripts.transcript import choose_transcript

JOINED, SHUTDOWN = "system.replica_joined", "system.shutdown"
TRANSCRIPT, ANALYSIS = "application.transcription_ready", "application.perception_analysis"
FAR_FUTURE, FAR_PAST = datetime(2099, 1, 1, tzinfo=UTC), datetime(2001, 1, 1, tzinfo=UTC)

TIMES = st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001  # its type wants it naive


def event(event_type, at, *, received_at=NOW, **properties):
    """Return an event of a conversation with a time of the sender."""
    body = {
        "event_type": event_type,
        "conversation_id": CONVERSATION,
        "timestamp": at.isoformat(),
        "properties": properties,
    }
    return stored_event(body, received_at=received_at)


def view_of(*events, now=NOW):
    """Return the view of events."""
    return fold_conversation(CONVERSATION, events, now=now, settings=SETTINGS)


def state(facts, *, after):
    """Return the subject's state some time after the receipt."""
    return SubjectState("conversation", CONVERSATION, facts, NOW + after, SETTINGS)


def orders(*events):
    """Return the events in each order."""
    return itertools.permutations(events)


@given(at=TIMES, lost=st.sampled_from([SHUTDOWN, TRANSCRIPT]))
def test_no_time_of_the_sender_keeps_a_part_expected(at, lost):
    """Whatever the time of a shutdown or a transcript, the other is overdue and the conversation complete."""
    [arrived] = {SHUTDOWN, TRANSCRIPT} - {lost}
    facts = conversation_facts(event(arrived, at, transcript=[{"role": "user", "content": "Hi."}]))

    assert push.COMPLETE in types_by_time(state(facts, after=timedelta(minutes=2)))


@given(joined=TIMES, more=st.lists(TIMES, max_size=2))
def test_no_time_of_the_sender_keeps_a_conversation_open(joined, more):
    """Some days after the last receipt, a conversation is no longer checked."""
    facts = gather_facts([event(JOINED, joined), *(event(SHUTDOWN, at) for at in more)])
    late = NOW + OPEN_FOR + 2 * SETTINGS.presumed_ended_after + timedelta(minutes=2)

    assert find_open(CONVERSATION, facts, Criteria(late, SETTINGS, None)) is None


@pytest.mark.parametrize("ahead", [timedelta(seconds=30), timedelta(hours=20), timedelta(days=400)])
def test_the_wait_for_a_transcript_begins_with_the_last_receipt(ahead):
    """The wait begins with the last receipt, even if the sender's clock is ahead."""
    shutdown = event(SHUTDOWN, NOW + ahead)

    missing = [view_of(shutdown, now=NOW + timedelta(seconds=after))["missing"] for after in (60, 61)]

    assert [[("transcript", False)], [("transcript", True)]] == [
        [(part["what"], part["overdue"]) for part in parts] for parts in missing
    ]


def test_a_far_end_does_not_begin_the_wait_at_the_joining():
    """The transcript is due a minute after the receipt of the shutdown."""
    began = NOW - timedelta(hours=1)
    events = event(JOINED, began, received_at=began), event(SHUTDOWN, FAR_FUTURE)

    waited = [view_of(*events, now=NOW + timedelta(seconds=after))["missing"] for after in (60, 61)]

    assert [[False], [True]] == [[part["overdue"] for part in parts] for parts in waited]


def test_a_silent_conversation_ends_though_its_clock_is_ahead():
    """Silence counts from the last receipt if the sender's time is later."""
    joined = event(JOINED, NOW + timedelta(hours=20))

    assert "presumed_ended" == view_of(joined, now=NOW + timedelta(hours=2, seconds=1))["status"]


def test_a_far_time_hides_neither_joining_nor_end():
    """The plausible joining and shutdown count, with their reason, in any order."""
    real = (
        event(JOINED, NOW - timedelta(minutes=5)),
        event(SHUTDOWN, NOW, shutdown_reason="max_call_duration"),
    )
    wrong = event(JOINED, FAR_FUTURE), event(SHUTDOWN, FAR_FUTURE, shutdown_reason="participant_left_timeout")

    for order in orders(*real, *wrong):
        facts = gather_facts(order)
        assert (300.0, NOW, "max_call_duration") == (facts.duration, facts.ended_at, facts.end_code)
        assert 300.0 == view_of(*order)["duration"]


def test_a_far_end_is_shown_where_there_is_no_other():
    """Without another end, a far one is shown as sent, and there is no duration."""
    events = event(JOINED, NOW), event(SHUTDOWN, FAR_FUTURE)

    view, facts = view_of(*events), gather_facts(events)

    listed = conversation_summary(CONVERSATION, facts, now=NOW, settings=SETTINGS).model_dump(mode="json")
    assert ("2099-01-01T00:00:00.000000Z", None) == (view["ended_at"], view["duration"])
    assert (view["ended_at"], None) == (listed["ended_at"], listed["duration"])


def test_no_conversation_lasts_years():
    """A joining in the far past counts, but gives no duration."""
    facts = gather_facts([event(JOINED, FAR_PAST), event(SHUTDOWN, NOW)])

    assert (FAR_PAST, None) == (facts.joined_at, facts.duration)


def test_a_transcript_from_the_future_hides_no_later_one():
    """The transcript with a plausible time counts, in the view and as text."""
    wrong = event(TRANSCRIPT, FAR_FUTURE, transcript=[{"role": "user", "content": "Wrong."}])
    real = event(TRANSCRIPT, NOW, transcript=[{"role": "user", "content": "It is right."}])

    for order in orders(wrong, real):
        assert (NOW, 3) == (
            gather_facts(order).transcript.at,
            gather_facts(order).transcript.talk.user_words,
        )
        assert ["It is right."] == [turn.text for turn in choose_transcript(order).turns]


def test_an_analysis_from_the_future_hides_no_later_one():
    """The latest analysis with a plausible time is shown."""
    wrong, real = event(ANALYSIS, FAR_FUTURE, analysis="wrong"), event(ANALYSIS, NOW, analysis="right")

    for order in orders(wrong, real):
        assert "right" == view_of(*order)["perception"]["analysis"]


def test_a_video_is_not_generating_until_2099():
    """A status with a far time counts as one without a time."""

    def video(status, at):
        body = {"video_id": "v1", "status": status, "updated_at": at.isoformat(), "status_details": status}
        return stored_event(body)

    for order in orders(video("generating", FAR_FUTURE), video("ready", NOW)):
        view = fold_resource("video", "v1", order)
        assert ("ready", "ready") == (view["status"], view["status_details"])
    for order in orders(video("ready", FAR_FUTURE), video("generating", NOW)):
        assert "ready" == fold_resource("video", "v1", order)["status"]


def test_a_summary_that_was_written_with_a_far_end_is_over_too():
    """A summary of an earlier version with a far end waits from its last receipt."""
    written = gather_facts([event(JOINED, NOW), event(SHUTDOWN, NOW)]).model_dump(mode="json")
    written |= {"ended_at": "2099-01-01T00:00:00.000000Z", "occurred_last_at": "2099-01-01T00:00:00.000000Z"}
    del written["ended_ahead_at"]
    facts = Facts.model_validate_json(json.dumps(written))

    late = NOW + OPEN_FOR + SETTINGS.presumed_ended_after + timedelta(minutes=1)
    summary = conversation_summary(CONVERSATION, facts, now=late, settings=SETTINGS)
    assert ("ended", None, ["transcript"]) == (summary.status, summary.duration, summary.missing)
    assert push.COMPLETE in types_by_time(state(facts, after=timedelta(minutes=2)))
    assert find_open(CONVERSATION, facts, Criteria(late, SETTINGS, None)) is None


EVENTS = st.builds(
    lambda event_type, at, delay: event(
        event_type,
        at,
        received_at=NOW + delay,
        transcript=[{"role": "user", "content": at.isoformat()}],
        shutdown_reason=f"reason {at.year}",
    ),
    st.sampled_from([JOINED, SHUTDOWN, TRANSCRIPT]),
    st.sampled_from([FAR_PAST, NOW, NOW + timedelta(hours=23), NOW + timedelta(hours=25), FAR_FUTURE]),
    st.timedeltas(timedelta(), timedelta(hours=2)),
)


@given(events=st.lists(EVENTS, min_size=3, max_size=3))
def test_facts_merge_in_any_grouping_whatever_the_clocks(events):
    """Merging is commutative, associative and idempotent, with plausible and other times."""
    one, two, three = map(conversation_facts, events)
    merged = one.merge(two).merge(three)

    assert merged == one.merge(two.merge(three)) == three.merge(one).merge(two)
    assert merged == merged.merge(merged) == merged.merge(two)
