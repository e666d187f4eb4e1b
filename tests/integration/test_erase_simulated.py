"""A simulated conversation is removed from every store, and nothing that comes late brings it back."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from planting import CANARY, Target, of, world_of
from projecting import project_all, records

from tavus_callbacks.aws.stores.tombstones import Tombstones
from tavus_callbacks.handlers import drain, project
from tavus_callbacks.logic.deliver_push import is_erased
from tavus_callbacks_cli.erasure.erase import SIMULATED_LIFETIME, remove_simulated
from tavus_callbacks_cli.erasure.failed import failed_pieces
from tavus_callbacks_cli.operations.selection import Selection

SIMULATED, OTHER = "csim0123456789abc", "c12"


@pytest.fixture
def world(api, recordings, pushing, monkeypatch):
    """Return a stack with every store, in which two conversations are stored and recorded."""
    with world_of(api, recordings, pushing["signed"], monkeypatch) as made:
        for conversation in (SIMULATED, OTHER):
            made.api.post(made.body(conversation, "system.shutdown", 0))
            made.recorded(conversation)
        assert [] == project_all(made.api)
        made.failed(SIMULATED)
        yield made


@pytest.fixture
def tombstones(world):
    """Return the tombstones of a function that has just started."""
    store = world.api
    return Tombstones(Target(world).store().client, store.environment["EVENTS_TABLE"])


def remove(world):
    """Remove the simulated conversation, which began a minute ago."""
    since = datetime.now(UTC) - timedelta(minutes=1)
    return remove_simulated(Target(world).deployment(), SIMULATED, since)


def test_it_goes_from_every_store_and_a_neighbour_stays(world, tombstones):
    """Rows, objects and failed records go. Receiving the next callback costs no read of a tombstone."""
    before = of(OTHER, world.everything())

    remove(world)

    left = [text for text in of(SIMULATED, world.everything()) if '"push_id"' not in text]
    assert ([], before) == (left, of(OTHER, world.everything()))
    assert tombstones.is_erased("conversation", SIMULATED)
    assert not tombstones.has_any()


def test_what_comes_late_goes_too(world):
    """Records of the stream, a spilled callback and an object do not bring it back."""
    late = records(world.api)
    world.spilled(SIMULATED, is_large=False)
    spilled = world.messages("SpillQueueUrl") + world.messages("SpillDeadQueueUrl")
    remove(world)

    for queue in ("SpillQueueUrl", "SpillDeadQueueUrl", "PushQueueUrl"):
        world.sqs.purge_queue(QueueUrl=world.outputs[queue])
    attributes = {"ApproximateReceiveCount": "1", "SentTimestamp": "0"}
    messages = [
        {"messageId": str(number), "body": text, "attributes": attributes, "eventSource": "aws:sqs"}
        for number, text in enumerate(spilled)
    ]
    assert {"batchItemFailures": []} == drain.handler({"Records": messages}, None)
    assert any(CANARY in text for text in of(SIMULATED, world.everything()))
    assert [] == project_all(world.api)
    assert {"batchItemFailures": []} == project.handler({"Records": late}, None)
    world.upload(f"tavus/{SIMULATED}/9")

    assert [] == of(SIMULATED, world.everything())


def test_a_push_that_waits_is_dropped_at_its_next_attempt(world, tombstones):
    """The queue is not searched, because that would delay the pushes of others."""
    pushes = [json.loads(text)["detail"] for text in world.messages("PushQueueUrl")]
    remove(world)

    dropped = {push["subject"] for push in pushes if is_erased(push, tombstones)}

    assert ({SIMULATED, OTHER}, {SIMULATED}) == ({push["subject"] for push in pushes}, dropped)


def test_its_tombstone_outlasts_the_spill_and_expires(world, pushing):
    """A spilled callback waits as long as the queue keeps it; the stream adds a day."""
    queue = pushing["signed"].resources["SpillQueue"].properties
    remove(world)

    row = next(item for item in world.api.items() if item["type"] == "tombstone")

    assert timedelta(seconds=queue["MessageRetentionPeriod"], days=1) <= SIMULATED_LIFETIME
    assert row["expires_at"] <= (datetime.now(UTC) + SIMULATED_LIFETIME).timestamp()


def test_records_that_failed_before_it_began_are_not_read(world):
    """A bucket full of older records does not slow the search down."""
    selection = Selection(frozenset({("conversation", SIMULATED)}))
    deployment = Target(world).deployment()

    later = datetime.now(UTC) + timedelta(hours=1)

    assert [] == list(failed_pieces(deployment, selection, later))
    assert list(failed_pieces(deployment, selection))
