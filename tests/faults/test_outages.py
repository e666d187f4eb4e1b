"""Services that are gone for a while: store, then spill, then 503; once they are back, each event once."""

from datetime import timedelta
from types import SimpleNamespace

import bodies
import pytest
from proxy import Fault
from world import new_token

from runtimes import forget
from tavus_callbacks.domain.common.timestamps import now
from tavus_callbacks.handlers import drain
from tavus_callbacks.runtime import wiring

KINDS = {
    "timed": bodies.timed,
    "timeless": bodies.timeless,
    "large": bodies.large,
    "huge": bodies.huge,
    "garbage": bodies.garbage,
    "unfileable": bodies.unfileable,
}
OUTAGES = (Fault.THROTTLED, Fault.BROKEN, Fault.RESET, Fault.SILENT, Fault.KILLED, Fault.LATE)
# In each run of the tests; `make test-all` has the rest.
MOST_TELLING = (Fault.THROTTLED, Fault.SILENT, Fault.KILLED)


def down(fault, *services):
    """Plan an outage of services."""
    return lambda call: fault if call.service in services else None


def more(cases):
    """Leave cases to `make test-all`."""
    return [pytest.param(*case, marks=pytest.mark.more) for case in cases]


def stale(world):
    """Let a minute pass for the token that the receiver remembers."""
    [remembered] = [
        token for token in wiring.tokens(quick=True)._remembered.values() if token.record.label == "faults"
    ]
    remembered.looked_up_at = now() - timedelta(minutes=2)
    return world


@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        *(("timed", fault) for fault in MOST_TELLING),
        *(("garbage", fault) for fault in (Fault.THROTTLED,)),
        *more(("timed", fault) for fault in OUTAGES if fault not in MOST_TELLING),
        *more(("large", fault) for fault in OUTAGES),
        *more(("garbage", fault) for fault in OUTAGES if fault is not Fault.THROTTLED),
    ],
    ids=lambda each: getattr(each, "value", each),
)
def test_while_the_table_is_away_callbacks_are_accepted(world, subject, kind, fault):
    """Even with a token that should be looked up again: accepted in time, and there once it is drained."""
    stale(world)
    with world.proxy.faults(down(fault, "dynamodb")):
        reply = world.post(KINDS[kind](subject))

    assert reply.is_acknowledged
    world.check(subject)


@pytest.mark.parametrize(
    "kind", ["timed", "large", "garbage", *more([["timeless"], ["huge"], ["unfileable"]])]
)
def test_what_was_accepted_has_the_id_it_was_answered(world, subject, kind):
    """The spill keeps what it is about, its tags, its label and its time of receipt."""
    with world.proxy.faults(down(Fault.THROTTLED, "dynamodb")):
        reply = world.post(KINDS[kind](subject), query="user=4711&empty=&line=%0A", at=1_790_000_000)

    assert 1 == world.drain()
    if reply.status == 200:
        assert "accepted" == reply.value["status"]
        again = world.post(KINDS[kind](subject), at=1_790_000_060)
        assert ("duplicate", reply.value["event_id"]) == (again.value["status"], again.value["event_id"])
        [event] = world.rows(f"conversation#{subject}")
        assert {"user": "4711", "empty": ""} == event["tags"]
        assert reply.value["issues"] == event["issues"]
        assert "tag_dropped" in event["issues"]
    world.check(subject)


@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        ("large", Fault.BROKEN),
        *more([("large", Fault.SILENT), ("unfileable", Fault.BROKEN), ("unfileable", Fault.SILENT)]),
    ],
    ids=lambda each: getattr(each, "value", each),
)
def test_while_the_bucket_is_away_a_body_waits_in_the_queue(world, subject, kind, fault):
    """A body that fits into a message needs no bucket."""
    with world.proxy.faults(down(fault, "s3")):
        reply = world.post(KINDS[kind](subject))

    assert reply.is_acknowledged
    assert 1 == world.drain()
    world.check(subject)


@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        *(("timed", fault) for fault in MOST_TELLING),
        *more(("timed", fault) for fault in OUTAGES if fault not in MOST_TELLING),
        *more(("huge", fault) for fault in (Fault.BROKEN, Fault.LATE, Fault.SILENT)),
    ],
    ids=lambda each: getattr(each, "value", each),
)
def test_when_all_is_away_nothing_is_acknowledged(world, subject, kind, fault):
    """Slow or broken, store and spill: 503 with Retry-After in time, for the sender to come again."""
    stale(world)
    with world.proxy.faults(down(fault, "dynamodb", "s3", "sqs")):
        reply = world.post(KINDS[kind](subject))

    # A service that answers late answers all the same.
    assert fault is Fault.LATE or reply.status == 503
    assert 200 == world.post(KINDS[kind](subject)).status
    world.check(subject)


@pytest.mark.usefixtures("patient")
def test_a_queue_that_is_away_disturbs_nobody(world, subject):
    """The spill is asked for only where the store fails."""
    with world.proxy.faults(down(Fault.BROKEN, "sqs")):
        assert "stored" == world.post(bodies.timed(subject)).value["status"]


def test_a_token_that_nobody_remembers_is_503_while_the_table_is_away(world, subject):
    """It may be live and it may be none: neither 401 nor 200, and nothing is kept of what it brought."""
    unknown = new_token(world.embedded, world.environment)
    with world.proxy.faults(down(Fault.BROKEN, "dynamodb")):
        assert 503 == world.post(bodies.timed(subject), token=unknown).status

    assert 0 == world.drain()
    assert not world.kept(f"conversation#{subject}")
    assert 200 == world.post(bodies.timed(subject), token=unknown).status


def test_a_remembered_token_works_for_its_grace_and_no_longer(world, subject):
    """Fifteen minutes without the table, then 503."""
    remembered = next(
        token for token in wiring.tokens(quick=True)._remembered.values() if token.record.token_id
    )
    with world.proxy.faults(down(Fault.BROKEN, "dynamodb")):
        remembered.looked_up_at = now() - timedelta(minutes=14)
        assert "accepted" == world.post(bodies.timed(subject)).value["status"]
        remembered.looked_up_at = now() - timedelta(minutes=16)
        assert 503 == world.post(bodies.timed(subject)).status
    assert 200 == world.post(bodies.timed(subject)).status
    world.check(subject)


def test_a_failing_drain_leaves_messages_where_they_are(world, subject):
    """A drain that meets the outage names what it did not file, and a later one files it, once."""
    with world.proxy.faults(down(Fault.BROKEN, "dynamodb")):
        world.post(bodies.timed(subject))
        world.post(bodies.garbage(subject))
        waiting = world.waiting()
        records = [
            {"messageId": one["MessageId"], "body": one["Body"], "eventSource": "aws:sqs"} for one in waiting
        ]
        answer = drain.handler({"Records": records}, SimpleNamespace())

    assert {one["MessageId"] for one in waiting} == {
        failure["itemIdentifier"] for failure in answer["batchItemFailures"]
    }
    # Written, but not acknowledged: the message comes again, and is a duplicate.
    with world.proxy.faults(down(Fault.KILLED, "dynamodb")):
        drain.handler({"Records": records}, SimpleNamespace())
    assert {"batchItemFailures": []} == drain.handler({"Records": records}, SimpleNamespace())
    world.delete(waiting)
    assert {bodies.timed(subject): 1} == world.kept(f"conversation#{subject}")


def test_a_message_that_cannot_be_read_holds_up_no_other(world, subject):
    """A poisoned message stays, those around it are filed, and no text of it is logged."""
    with world.proxy.faults(down(Fault.BROKEN, "dynamodb")):
        world.post(bodies.timed(subject))
    [message] = world.waiting()
    poison = ["my canary sings", "{}", message["Body"].replace('"version": 1', '"version": 99')]
    records = [
        {"messageId": str(number), "body": body, "eventSource": "aws:sqs"}
        for number, body in enumerate([*poison[:2], message["Body"], poison[2]])
    ]

    answer = drain.handler({"Records": records}, SimpleNamespace())

    assert ["0", "1", "3"] == [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]
    world.delete([message])
    assert {bodies.timed(subject): 1} == world.kept(f"conversation#{subject}")


def test_a_runtime_that_starts_in_an_outage_answers_503(world, subject):
    """Without anything remembered there is nothing to go by, and nothing breaks."""
    forget()
    with world.proxy.faults(down(Fault.RESET, "dynamodb", "s3", "sqs")):
        assert 503 == world.post_cold(bodies.timed(subject)).status
    assert 200 == world.post(bodies.timed(subject)).status
    world.check(subject)
