"""Summaries hold the facts of the fold, whatever the order and number of deliveries."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from inprocess import forget
from projecting import (
    calls,
    facts_of,
    once_before,
    post_scenario,
    project_all,
    records,
    remove_summaries,
    row_of,
    store,
    summaries,
)

from tavus_callbacks.aws import clients
from tavus_callbacks.aws.stores.summaries import SummaryRows
from tavus_callbacks.domain.summaries.summary import unpack_facts
from tavus_callbacks_cli.operations.reindex import rebuild_summaries, subjects
from tavus_callbacks_cli.simulator import scenario as simulator

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
JOINED = {"conversation_id": "c1", "event_type": "system.replica_joined", "timestamp": "2027-03-01T12:00:00Z"}
SHUTDOWN = {"conversation_id": "c1", "event_type": "system.shutdown", "timestamp": "2027-03-01T12:01:00Z"}


@pytest.mark.slow
def test_every_scenario_is_summed_up_as_it_folds(api):
    """Each subject of each scenario has one summary with the facts of the fold."""
    for name in simulator.names():
        post_scenario(api, name, now=NOW)

    assert [] == project_all(api)

    by_subject = summaries(api)
    expected = {(item["kind"], item["subject"]) for item in api.items() if item["type"] == "event"}
    assert expected == set(by_subject)
    for subject, item in by_subject.items():
        assert json.loads(facts_of(api, *subject)) == json.loads(unpack_facts(item["facts"]))


def test_a_summary_of_a_whole_conversation_is_one_write_unit(api):
    """The summary of a conversation with all facts is smaller than a kilobyte."""
    post_scenario(api, "conversation", now=NOW)

    project_all(api)

    [item] = [row for row in api._scan("EVENTS_TABLE") if row["type"]["S"] == "summary"]
    assert 1024 >= sum(len(name) + sum(map(len, value.values())) for name, value in item.items())


def test_facts_written_as_text_are_read_merged_and_rebuilt(api):
    """Rows of an older version are listed unchanged; the next write or a reindex packs them."""
    api.post(JOINED)
    project_all(api)
    packed = summaries(api)["conversation", "c1"]
    older = row_of({**packed, "facts": unpack_facts(packed["facts"])})
    clients.dynamodb().put_item(TableName=api.environment["EVENTS_TABLE"], Item=older)

    [listed] = api.get("/conversations").value["conversations"]
    assert "2027-03-01T12:00:00.000000Z" == listed["joined_at"]

    rebuild(api)
    assert packed["facts"] == summaries(api)["conversation", "c1"]["facts"]

    clients.dynamodb().put_item(TableName=api.environment["EVENTS_TABLE"], Item=older)
    api.post(SHUTDOWN)
    project_all(api)
    assert facts_of(api, "conversation", "c1") == unpack_facts(summaries(api)["conversation", "c1"]["facts"])


def test_what_is_known_is_not_written_again(api):
    """A repeated record costs one read and no write."""
    api.post(JOINED)
    project_all(api)

    with calls(clients.dynamodb()) as asked:
        project_all(api)

    assert [] == [name for name, _ in asked if name == "PutItem"]


def test_two_writers_of_one_summary_lose_nothing(api):
    """The second writer reads again and keeps what the first one wrote."""
    api.post(JOINED)
    api.post(SHUTDOWN)
    joined, shutdown = sorted(records(api), key=lambda record: record["dynamodb"]["NewImage"]["sk"]["S"])

    with once_before(clients.dynamodb(), "PutItem", lambda: project_all(api, order=[shutdown])) as met:
        assert [] == project_all(api, order=[joined])

    assert [True] == met
    assert json.loads(facts_of(api, "conversation", "c1")) == json.loads(
        unpack_facts(summaries(api)["conversation", "c1"]["facts"])
    )


def test_a_summary_expires_with_the_last_of_its_events(api, monkeypatch):
    """A subject is in the lists as long as one of its events is stored."""
    monkeypatch.setenv("EVENT_RETENTION_DAYS", "30")
    forget()
    for body in (SHUTDOWN, JOINED):
        api.post(body)
    project_all(api)

    expiries = [item["expires_at"] for item in api.items() if item["type"] == "event"]
    assert max(expiries) == summaries(api)["conversation", "c1"]["expires_at"]


def test_a_summary_stays_where_one_event_stays(api, monkeypatch):
    """An event that was stored before there was a retention never expires."""
    api.post(JOINED)
    project_all(api)
    monkeypatch.setenv("EVENT_RETENTION_DAYS", "30")
    forget()
    api.post(SHUTDOWN)
    project_all(api)

    assert "expires_at" not in summaries(api)["conversation", "c1"]


def rebuild(api):
    """Rebuild every summary."""
    stack = store(api)
    return list(rebuild_summaries(stack, subjects(stack)))


@pytest.mark.slow
def test_lost_and_wrong_summaries_are_rebuilt(api):
    """A rebuild follows the events; a subject without events has no summary."""
    for name in ("conversation", "video", "replica", "malformed"):
        post_scenario(api, name, now=NOW)
    project_all(api)
    right = {subject: item["facts"] for subject, item in summaries(api).items()}
    first, *_ = right
    wrong = summaries(api)[first]
    remove_summaries(api)
    table = api.environment["EVENTS_TABLE"]
    clients.dynamodb().put_item(TableName=table, Item=row_of({**wrong, "facts": '{"of": "older times"}'}))
    orphan = {**wrong, "pk": "conversation#gone", "subject": "gone"}
    clients.dynamodb().put_item(TableName=table, Item=row_of(orphan))

    done = rebuild(api)

    assert right == {subject: item["facts"] for subject, item in summaries(api).items()}
    assert sorted([*right, ("conversation", "gone")]) == done


@pytest.mark.parametrize("operation", ["Query", "PutItem"])
def test_a_callback_that_comes_during_a_rebuild_is_not_lost(api, operation):
    """It is in the summary whether it is projected before or after the events are read."""
    api.post(JOINED)
    project_all(api)
    remove_summaries(api)

    def comes():
        api.post(SHUTDOWN)
        project_all(api)

    stack = store(api)
    with once_before(clients.dynamodb(), operation, comes) as met:
        list(rebuild_summaries(stack, [("conversation", "c1")]))

    assert [True] == met
    assert json.loads(facts_of(api, "conversation", "c1")) == json.loads(
        unpack_facts(summaries(api)["conversation", "c1"]["facts"])
    )


def test_a_callback_that_is_projected_after_a_rebuild_is_not_lost(api):
    """Stored before the events are read and projected after the summary is written: it is merged as usual."""
    api.post(JOINED)
    stack = store(api)

    list(rebuild_summaries(stack, [("conversation", "c1")]))
    api.post(SHUTDOWN)
    project_all(api)

    facts = json.loads(unpack_facts(summaries(api)["conversation", "c1"]["facts"]))
    assert ["system.replica_joined", "system.shutdown"] == facts["event_types"]


def test_an_endless_contention_fails_the_record(api, monkeypatch):
    """The record comes again later; it does not count as done."""
    api.post(JOINED)
    monkeypatch.setattr(SummaryRows, "put_if_unchanged", lambda *_, **__: False)

    assert [{"itemIdentifier": "0"}] == project_all(api)


def test_the_first_receipt_decides_the_place_in_a_list(api):
    """An event that was received earlier and is projected later moves the subject to its true place."""
    api.post(SHUTDOWN, at=NOW + timedelta(minutes=5))
    api.post(JOINED, at=NOW)
    by_receipt = sorted(records(api), key=lambda record: record["dynamodb"]["NewImage"]["received_at"]["S"])
    earlier, later = by_receipt

    project_all(api, order=[later])
    before = summaries(api)["conversation", "c1"]["listed"]
    project_all(api, order=[earlier])

    assert before > summaries(api)["conversation", "c1"]["listed"]
