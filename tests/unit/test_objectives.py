"""The objectives and guardrails of a conversation, in any order of events."""

import json
from dataclasses import replace
from datetime import timedelta
from itertools import permutations

import pytest
from folding import CONVERSATION, NOW, SETTINGS, gather_facts, stored_event, without_receipt
from hypothesis import given
from hypothesis import strategies as st

from tavus_callbacks.domain.conversations.facts import MOST_GUARDRAILS, conversation_facts
from tavus_callbacks.domain.conversations.view import fold_conversation
from tavus_callbacks.domain.summaries.summary import parse_facts

EMAIL = ({"email": "first@example.com"}, {"email": "second@example.com"}, {"email": "third@example.com"})


def documented(values, *, received=0, name="contact"):
    """Return the event of the documented body, received some seconds from now."""
    body = {"conversation_id": CONVERSATION, "objective_name": name, "output_variables": values}
    return stored_event(body, received_at=NOW + timedelta(seconds=received))


def typed(status, values=None, *, seconds=None, received=0, name="contact"):
    """Return the event of a typed body, with the sender's time if it has one."""
    body = {
        "event_type": f"conversation.objective.{status}",
        "conversation_id": CONVERSATION,
        "properties": {"objective_name": name, "output_variables": values or {}},
    }
    times = {} if seconds is None else {"timestamp": (NOW + timedelta(seconds=seconds)).isoformat()}
    return stored_event(body | times, received_at=NOW + timedelta(seconds=received))


def folded(*events):
    """Return the view of events."""
    return fold_conversation(CONVERSATION, events, now=NOW, settings=SETTINGS)


def objective(*events):
    """Return the view of one objective."""
    (found,) = folded(*events)["objectives"]
    return found


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_value_that_was_received_last_is_shown(order):
    """The documented body has no time, so the value received last is shown."""
    events = [documented(EMAIL[n], received=place) for place, n in enumerate(order)]

    found = objective(*events)

    assert EMAIL[order[-1]] == found["values"]
    assert [EMAIL[n] for n in order] == [one["values"] for one in found["history"]]
    received = [one["received_at"] for one in found["history"]]
    assert sorted(received) == received


@pytest.mark.parametrize("timed", [True, False])
@pytest.mark.parametrize("order", list(permutations(["activated", "pending", "completed"])))
def test_the_furthest_status_counts_between_those_of_no_or_one_time(order, timed):
    """The furthest status counts between deliveries of one time or without a time."""
    seconds = 0 if timed else None
    events = [typed(status, seconds=seconds, received=place) for place, status in enumerate(order)]

    assert "completed" == objective(*events)["status"]


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([typed("completed", seconds=0), typed("pending", seconds=5)], "pending"),
        ([typed("pending", seconds=5), documented({})], "completed"),
        ([typed("completed", seconds=5), typed("activated", received=9)], "completed"),
        ([typed("activated", seconds=9e6), typed("completed", seconds=5)], "completed"),
        ([typed("skipped", received=1), typed("paused", received=2)], "paused"),
        ([typed("skipped", received=2), typed("activated", received=1)], "activated"),
    ],
    ids=[
        "later",
        "untimed and further",
        "untimed and behind",
        "far in the future",
        "both unknown",
        "unknown",
    ],
)
def test_a_later_status_counts_and_one_without_a_time_if_it_is_further(events, expected):
    """A later status counts, and one without a time only if it is further."""
    assert expected == objective(*events)["status"]
    assert expected == objective(*reversed(events))["status"]


def test_a_delivery_without_a_time_takes_its_place_by_receipt():
    """Timed and untimed deliveries of one objective make one history."""
    events = [
        typed("activated", seconds=0),
        documented(EMAIL[0], received=10),
        typed("completed", EMAIL[1], seconds=20),
        documented(EMAIL[2], received=30),
    ]

    found = objective(*reversed(events))

    assert [{}, *EMAIL] == [one["values"] for one in found["history"]]
    assert ("completed", EMAIL[2]) == (found["status"], found["values"])


@pytest.mark.parametrize("poorer", [{}, {"email": ""}, {"email": None}, {"phone": "1"}])
def test_a_later_emptier_delivery_erases_no_value(poorer):
    """A value that a later delivery lacks stays."""
    full = {"email": "a@example.com", "name": "Ada"}

    assert full.items() <= objective(documented(full), documented(poorer, received=5))["values"].items()


STATUSES = st.sampled_from(["activated", "pending", "completed"])
VALUES = st.dictionaries(st.sampled_from("abc"), st.sampled_from(["", "1", "2"]), max_size=3)
SECONDS = st.sampled_from([0.0, 1.0, 2.0])
UNTIMED = st.builds(documented, VALUES, received=SECONDS) | st.builds(
    typed, STATUSES, VALUES, received=SECONDS
)
TIMED = st.builds(typed, STATUSES, VALUES, seconds=SECONDS)
GUARDRAILS = st.builds(
    lambda name, timestamp: stored_event(
        {
            "conversation_id": CONVERSATION,
            "properties": {"guardrail": name, "guardrail_uuid": f"{name}-1"},
            **({"timestamp": timestamp} if timestamp else {}),
        }
    ),
    st.sampled_from("xyz"),
    st.sampled_from([None, "2027-03-01T12:00:00Z", "2027-03-01T12:00:05Z"]),
)


@given(events=st.lists(TIMED | UNTIMED | GUARDRAILS, min_size=1, max_size=6), data=st.data())
def test_any_order_and_repetition_gives_one_view(events, data):
    """With fixed times of receipt, the order of reading changes nothing."""
    order = data.draw(st.permutations([*events, *events[:2]]))

    assert folded(*events) == folded(*order)


@given(events=st.lists(TIMED | UNTIMED | GUARDRAILS, min_size=1, max_size=6), data=st.data())
def test_order_of_arrival_changes_neither_status_nor_count(events, data):
    """Only the values of equally full deliveries without a time follow the order of receipt."""
    before, after = folded(*events), folded(*arriving(data.draw(st.permutations(events))))

    assert [one["status"] for one in before["objectives"]] == [one["status"] for one in after["objectives"]]
    counts = [
        sorted((one["name"], one["count"]) for one in view["guardrail_counts"]) for view in (before, after)
    ]
    assert counts[0] == counts[1]


@given(events=st.lists(TIMED, min_size=1, max_size=6), data=st.data())
def test_order_of_arrival_changes_no_value_that_has_a_time(events, data):
    """By the sender's clock, values and history are the same whatever arrives first."""
    order = data.draw(st.permutations([*events, *events[:2]]))

    assert without_receipt(folded(*events)) == without_receipt(folded(*arriving(order)))


@given(events=st.lists(UNTIMED, min_size=1, max_size=6), data=st.data())
def test_of_values_without_a_time_the_fullest_counts_and_then_the_last_received(events, data):
    """Without times, the fullest values count, then those received last."""
    order = arriving(data.draw(st.permutations(list({event.ref: event for event in events}.values()))))
    deliveries = [said for event in order if (said := filled(event))]
    fullest = max((len(said) for said in deliveries), default=0)

    expected = next((said for said in reversed(deliveries) if len(said) == fullest), {})

    assert expected.items() <= objective(*order)["values"].items()


def arriving(events):
    """Return the events with times of receipt in their order, a second apart."""
    moments = (NOW + timedelta(seconds=n) for n in range(len(events)))
    return [replace(event, received_at=moment) for event, moment in zip(events, moments, strict=True)]


def filled(event):
    """Return the values of an objective's event that are not blank."""
    values = event.body.get("properties", event.body)["output_variables"]
    return {name: value for name, value in values.items() if value}


def trigger(number):
    """Return the event of a guardrail that triggered."""
    at = (NOW + timedelta(seconds=number)).isoformat()
    body = {
        "conversation_id": CONVERSATION,
        "event_type": "conversation.guardrail.triggered",
        "timestamp": at,
    }
    return stored_event(body)


def test_a_summary_counts_guardrails_up_to_a_limit_in_any_order():
    """A summary counts guardrails up to a limit, in any order."""
    triggers = [trigger(number) for number in range(MOST_GUARDRAILS + 7)]

    facts = gather_facts(triggers)

    assert MOST_GUARDRAILS == len(facts.guardrails)
    assert facts.guardrails == gather_facts(reversed(triggers)).guardrails
    assert facts == facts.merge(conversation_facts(triggers[0]))


def test_a_summary_of_an_earlier_version_counts_from_now_on():
    """A summary of an earlier version counts guardrails from the next trigger on."""
    written = gather_facts([trigger(0)]).model_dump(mode="json")
    del written["guardrails"]

    facts = parse_facts("conversation", json.dumps(written))

    assert (0, 1) == (len(facts.guardrails), len(facts.merge(conversation_facts(trigger(1))).guardrails))
