"""Tombstones: what a look for them costs, how long they last, and what a slow store changes."""

from datetime import UTC, datetime, timedelta

import pytest
from inprocess import failing, forget
from projecting import calls

from tavus_callbacks.aws import clients
from tavus_callbacks.aws.stores.tombstones import FRESH, Tombstones

SHUTDOWN = {"conversation_id": "c1", "event_type": "system.shutdown", "timestamp": "2027-03-01T12:00:00Z"}
NOW = datetime.now(UTC)
DAY = timedelta(days=1)


@pytest.fixture
def tombstones(api):
    """Return the tombstones of a runtime that has just started."""
    return Tombstones(clients.dynamodb(), api.environment["EVENTS_TABLE"])


def looks(api, *bodies):
    """Post callbacks; return what was read of the events table meanwhile."""
    with calls(clients.dynamodb(quick=True)) as asked:
        for body in bodies:
            api.post(body)
    table = api.environment["EVENTS_TABLE"]
    return [
        params["Key"]["sk"]["S"]
        for name, params in asked
        if (name, params["TableName"]) == ("GetItem", table)
    ]


def test_while_nobody_was_erased_a_runtime_looks_once_a_minute(api):
    """A callback costs one write and nothing else."""
    bodies = [{**SHUTDOWN, "conversation_id": f"c{number}"} for number in range(3)]

    assert ["marker"] == looks(api, *bodies)


def test_once_somebody_was_erased_each_callback_looks_once(api, tombstones):
    """From then on, each callback costs one small read."""
    tombstones.add("conversation", "c1", at=NOW, lifetime=None)
    forget()

    assert ["marker", "tombstone", "tombstone"] == looks(api, SHUTDOWN, {**SHUTDOWN, "conversation_id": "c2"})
    assert [] == api.events("c1")
    assert 1 == len(api.events("c2"))


def test_what_was_known_is_known_anew_after_a_minute(api, tombstones):
    """Every runtime knows of an erasure within a minute."""
    at = [NOW]
    tombstones.clock = lambda: at[0]
    assert not tombstones.has("conversation", "c1")
    Tombstones(clients.dynamodb(), api.environment["EVENTS_TABLE"]).add(
        "conversation", "c1", at=NOW, lifetime=None
    )

    assert not tombstones.has("conversation", "c1")
    at[0] += FRESH
    assert tombstones.has("conversation", "c1")


def test_a_store_that_does_not_say_holds_up_no_callback(api, tombstones):
    """A runtime goes by what it knows; `project` looks again and removes what should not be stored."""
    tombstones.add("conversation", "c1", at=NOW, lifetime=None)
    forget()
    for each in (SHUTDOWN, {**SHUTDOWN, "conversation_id": "c3"}):
        with failing("dynamodb", "GetItem", when=lambda params: params["Key"].get("sk") == {"S": "marker"}):
            assert "stored" == api.post(each).value["status"]


def test_a_tombstone_ends_with_its_time_and_is_never_shortened(api, tombstones):
    """A second erasure can lengthen a tombstone, also to for ever."""
    tombstones.add("conversation", "over", at=NOW - 3 * DAY, lifetime=2 * DAY)
    tombstones.add("conversation", "short", at=NOW, lifetime=9 * DAY)
    tombstones.add("conversation", "short", at=NOW, lifetime=2 * DAY)
    tombstones.add("conversation", "ever", at=NOW, lifetime=None)
    tombstones.add("conversation", "ever", at=NOW, lifetime=2 * DAY)

    rows = {item["pk"]: item.get("expires_at") for item in api.items() if item["type"] == "tombstone"}
    assert not tombstones.is_erased("conversation", "over")
    assert tombstones.has("conversation", "short")
    assert {None, int((NOW + 9 * DAY).timestamp()), int((NOW - DAY).timestamp())} == set(rows.values())
    assert not [pk for pk in rows if "over" in pk or "short" in pk or "ever" in pk]


def test_many_are_looked_for_at_once(tombstones):
    """A look for more keys than one request of DynamoDB takes returns all of them."""
    names = [f"c{number}" for number in range(230)]
    for name in names[::100]:
        tombstones.add("conversation", name, at=NOW, lifetime=None)
    tombstones.add("conversation", "c1", at=NOW - 3 * DAY, lifetime=DAY)

    erased = tombstones.among(f"conversation#{name}" for name in names)

    assert {"conversation#c0", "conversation#c100", "conversation#c200"} == erased
