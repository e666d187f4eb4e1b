"""Guardrails and objectives as Tavus documents them: no event type, no time, the same bytes each time."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from projecting import project_all, store

import corpus
from tavus_callbacks.aws import clients
from tavus_callbacks.aws.stores.bodies import Bodies
from tavus_callbacks.aws.stores.quarantine import QuarantineRows
from tavus_callbacks.domain.callbacks.event import Callback
from tavus_callbacks.domain.callbacks.quarantine import quarantine_entry
from tavus_callbacks.domain.common.errors import Unfileable
from tavus_callbacks.domain.common.timestamps import iso
from tavus_callbacks_cli.operations import quarantine

START = datetime(2026, 7, 11, 7, 0, tzinfo=UTC)
GUARDRAIL = {"conversation_id": "c1", "properties": {"guardrail": "no_prices", "guardrail_uuid": "g1"}}
OBJECTIVE = {"conversation_id": "c1", "objective_name": "contact", "output_variables": {"email": "a@b.c"}}
# The answers to both before they were recognised.
REFUSED = Unfileable("event_type is missing.")


def after(seconds):
    """Return a moment of receipt."""
    return START + timedelta(seconds=seconds)


def statuses(api, body, *seconds):
    """Post a body at several moments and return what each answer says."""
    return [api.post(body, at=after(moment)).value["status"] for moment in seconds]


def view(api):
    """Return the conversation as the API answers it."""
    return api.get("/conversations/c1").value


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0, "duplicate"), (2, "duplicate"), (2.001, "stored"), (-2.001, "stored")]
)
def test_a_guardrail_triggers_again_after_two_seconds(api, seconds, expected):
    """The same body within two seconds is a sender's retry, later it is one more trigger."""
    assert ["stored", expected] == statuses(api, GUARDRAIL, 0, seconds)
    assert (1 if expected == "duplicate" else 2) == view(api)["guardrail_counts"][0]["count"]


def test_every_trigger_of_a_guardrail_is_an_event_of_its_own(api):
    """Each is read, each has an id; the view counts them with the first and the last time of receipt."""
    assert ["stored"] * 3 == statuses(api, GUARDRAIL, 0, 60, 30)

    found = view(api)

    (count,) = found["guardrail_counts"]
    assert {
        "name": "no_prices",
        "guardrail_id": "g1",
        "count": 3,
        "received_first_at": iso(START),
        "received_last_at": iso(after(60)),
    } == count
    triggers = found["guardrails"]
    assert [iso(after(moment)) for moment in (0, 30, 60)] == [one["received_at"] for one in triggers]
    assert {event["event_id"] for event in api.events("c1")} == {one["event_id"] for one in triggers}


@pytest.mark.slow
def test_triggers_and_a_retry_count_the_same_in_any_order(api):
    """The first two are a trigger and its retry; the queue of spilled callbacks delivers in any order."""
    for number, order in enumerate(permutations([0, 1, 30, 60])):
        body = {**GUARDRAIL, "conversation_id": f"c{number}"}

        assert {"stored": 3, "duplicate": 5} == Counter(statuses(api, body, *order, *order))

    counts = [api.get(f"/conversations/c{number}").value["guardrail_counts"] for number in range(24)]
    assert {3} == {count["count"] for (count,) in counts}


def test_a_guardrail_that_triggers_all_day_reads_the_end_of_its_line_only(api, monkeypatch):
    """Only the latest triggers are compared, and no number is taken twice."""
    monkeypatch.setattr("tavus_callbacks.aws.stores.events._LATEST_REPEATS", 4)
    moments = [3 * number for number in range(12)]

    assert {"stored": 12} == Counter(statuses(api, GUARDRAIL, *moments))
    assert ["duplicate", "stored"] == statuses(api, GUARDRAIL, moments[-1] + 1, moments[-1] + 3)
    assert 13 == view(api)["guardrail_counts"][0]["count"]


def test_other_bodies_without_a_time_keep_their_hour(api):
    """Only guardrails and objectives are meant to arrive again within seconds."""
    training = {"replica_id": "r1", "status": "ready"}

    assert ["stored", "duplicate", "stored"] == statuses(api, training, 0, 3600, 3601)


def test_a_value_that_changes_back_is_shown(api):
    """The third body has the bytes of the first, and is the latest all the same; a retry is not."""
    other = OBJECTIVE | {"output_variables": {"email": "x@y.z"}}
    for body, second in ((OBJECTIVE, 0), (other, 20), (OBJECTIVE, 40), (OBJECTIVE, 41)):
        api.post(body, at=after(second))

    (objective,) = view(api)["objectives"]

    assert OBJECTIVE["output_variables"] == objective["values"]
    assert [iso(after(second)) for second in (0, 20, 40)] == [
        delivery["received_at"] for delivery in objective["history"]
    ]


def test_lists_and_pushes_count_triggers(api, bus):
    """The summary behind both counts each event once, whatever the order and however often it is read."""
    statuses(api, GUARDRAIL, 0, 10, 20)
    api.post({"conversation_id": "c1", "event_type": "system.shutdown", "timestamp": iso(after(30))})
    project_all(api)
    project_all(api)

    (listed,) = api.get("/conversations").value["conversations"]

    assert 3 == listed["guardrails"]
    pushes = bus.pushes()
    assert [3] == [push["data"]["guardrails"] for push in pushes if push["type"] == "conversation.ended"]
    triggers = {
        push["push_id"] for push in pushes if push["type"] == "callback.conversation.guardrail.triggered"
    }
    assert 3 == len(triggers)


@pytest.mark.parametrize("name", ["guardrail-triggered", "objective-completed"])
def test_quarantine_redrive_files_what_was_refused_before(api, name):
    """An entry of an earlier version becomes the event that its body is today, at its own time."""
    raw = corpus.files()[f"{name}--docs-2026-06.json"].read_bytes()
    plant(api, raw, START)

    (done,) = redrive(api)

    (event,) = api.pull()
    assert ("filed", event["event_id"]) == (done.outcome, done.event_id)
    assert (name.partition("-")[0], iso(START), "old") == tuple(
        event[member] for member in ("family", "received_at", "label")
    )
    assert [] == api.quarantine()


def test_redrive_files_the_first_and_the_last_arrival_of_a_guardrail(api):
    """An entry counts its arrivals, and knows the times of two of them: both become triggers."""
    raw = corpus.files()["guardrail-triggered--docs-2026-06.json"].read_bytes()
    for moment in (0, 40, 90):
        plant(api, raw, after(moment))

    redrive(api)

    assert [iso(START), iso(after(90))] == [event["received_at"] for event in api.pull()]


def plant(api, raw, received_at):
    """Put a body into quarantine as an earlier version did."""
    bodies = Bodies(api.environment["BODIES_BUCKET"])
    entry = quarantine_entry(Callback(raw, "", "old", received_at), REFUSED)
    rows = QuarantineRows(clients.dynamodb(), api.environment["EVENTS_TABLE"], bodies, None)
    rows.add(entry, f"request-{received_at}")


def redrive(api):
    """Redrive everything in quarantine."""
    found = store(api)
    return [quarantine.redrive(found, entry, None, dry_run=False) for entry in quarantine.list_entries(found)]
