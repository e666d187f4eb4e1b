"""The drill: a tenth of all callbacks is lost, and repair restores what Tavus knows, once."""

import json
import os
import random
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from projecting import project_all, store
from pydantic import SecretStr

from tavus_callbacks.domain.callbacks.event import base_ref
from tavus_callbacks.domain.repair.tavus_record import callbacks_in
from tavus_callbacks.outbound.tavus_api import TavusApi
from tavus_callbacks_cli.local_stack.tavus_api import StandIn, serve_stand_in
from tavus_callbacks_cli.operations import backfill
from tavus_callbacks_cli.operations.tavus_list import Listing
from tavus_callbacks_cli.simulator import scenario as simulator

SCENARIOS = ("conversation", "no-camera", "tools", "memory", "conversation-2025", "copy-failed")
NOW = datetime.now(UTC)


@pytest.fixture
def stand_in():
    """Return a stand-in for Tavus, served."""
    made = StandIn()
    with serve_stand_in(made) as url:
        yield made, url


def conversation(api, number):
    """Return the bodies of one simulated conversation, each at its own time."""
    url = f"https://example.com/callbacks/{api.token}?user={number}"
    scenario = simulator.load(SCENARIOS[number % len(SCENARIOS)])
    now = NOW - timedelta(seconds=number)
    rendered = simulator.render(scenario, callback_url=url, now=now, ids=simulator.fresh_ids())
    return [callback.body for callback in rendered]


def count_events(api):
    """Return how often each event is stored, by conversation and reference."""
    events = [item for item in api.items() if item["type"] == "event"]
    return Counter((event["subject"], base_ref(event["ref"])) for event in events)


def events_at_tavus(stand_in, work):
    """Return what Tavus knows, by conversation and reference."""
    records = (work.api.conversation(name) for name in stand_in.conversations)
    return {
        (event.subject, event.ref)
        for record in records
        for event in callbacks_in(record, label="x", received_at=NOW)
        if event is not None
    }


def records(work):
    """Return the records of Tavus's list, which is complete."""
    listing = Listing()
    assert list(listing.read(work.api))
    assert listing.doubt is None
    return listing.records.values()


def drill(api, stand_in, conversations):
    """Lose a tenth and one whole conversation, repair, then send what was lost; return what was lost."""
    made, url = stand_in
    dice = random.Random(4711)  # noqa: S311 - the same losses in every run
    lost = []
    for number in range(conversations):
        for body in conversation(api, number):
            made.learn(json.loads(body))
            if number == 0 or dice.random() < 0.1:
                lost.append(body)
            else:
                assert 200 == api.post(body, query=f"user={number}").status
    project_all(api)
    work = backfill.prepare(TavusApi(SecretStr(made.key), url), store(api), api.tokens_table, None)
    expected = events_at_tavus(made, work)
    assert expected - count_events(api).keys()

    listed = list(backfill.find_candidates(work, records(work), NOW - timedelta(days=1)))
    repairs = [
        backfill.backfill_conversation(work, candidate.conversation_id, dry_run=False) for candidate in listed
    ]

    assert conversations == len(listed)
    assert all(candidate.is_ours for candidate in listed)
    assert set() == expected - count_events(api).keys()
    assert all(repair.confirmed for repair in repairs)
    assert {1} == set(count_events(api).values())
    again = [
        backfill.backfill_conversation(work, candidate.conversation_id, dry_run=True) for candidate in listed
    ]
    assert [] == [repair for repair in again if repair.events or repair.variants]
    before = count_events(api)
    for body in lost:
        assert 200 == api.post(body, query="user=0").status
    assert before.keys() == {event for event in count_events(api) if event in expected}
    return lost


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_of_many_conversations_nothing_stays_lost(api, stand_in):
    """The drill with a hundred conversations, 1,000 in `make drill`."""
    lost = drill(api, stand_in, int(os.environ.get("LOST_CONVERSATIONS", "100")))

    assert len(lost) > 20


def test_what_came_by_a_token_keeps_its_label(api, stand_in):
    """A conversation that was lost whole gets the label and tags that its callbacks would have had."""
    made, url = stand_in
    for body in conversation(api, 0):
        made.learn(json.loads(body))
    work = backfill.prepare(TavusApi(SecretStr(made.key), url), store(api), api.tokens_table, None)
    [listed] = backfill.find_candidates(work, records(work), NOW - timedelta(days=1))

    backfill.backfill_conversation(work, listed.conversation_id, dry_run=False)

    events = api.events(listed.conversation_id)
    assert {("test", "0", "backfill")} == {
        (event["label"], event["tags"]["user"], event["source"]) for event in events
    }
    assert api.token not in "".join(map(json.dumps, events))
