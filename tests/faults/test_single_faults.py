"""One fault at each place where a callback meets AWS: it is stored, or its sender is asked to try again."""

import bodies
import pytest
from proxy import QUICK, Fault

# The bodies posted before, and the body posted.
SCENARIOS = {
    "timed": ([], bodies.timed),
    "timeless": ([], bodies.timeless),
    "repeat": ([bodies.timeless], bodies.timeless),
    "duplicate": ([bodies.timed], bodies.timed),
    "variant": ([lambda subject: bodies.timed(subject, properties={})], bodies.timed),
    "large": ([], bodies.large),
    "huge": ([], bodies.huge),
    "garbage": ([], bodies.garbage),
    "large and unfileable": ([], bodies.unfileable),
}
SLOW_FAULTS = (Fault.SILENT, Fault.SLOW, Fault.LATE)
# In each run the usual callback meets all, and each other the worst: done, but not acknowledged.
# `make test-all` has the rest.
USUAL = [
    *(("timed", fault) for fault in (*QUICK, *SLOW_FAULTS)),
    *((name, Fault.KILLED) for name in SCENARIOS),
]
REST = [
    *((name, fault) for name in SCENARIOS for fault in QUICK),
    *((name, fault) for name in ("variant", "large") for fault in SLOW_FAULTS),
]
CASES = [
    *dict.fromkeys(USUAL),
    *(pytest.param(*case, marks=pytest.mark.more) for case in dict.fromkeys(REST) if case not in USUAL),
]


def post(world, name, subject, plan):
    """Post a scenario's callback under a plan; return the answer and the calls that it took."""
    before, write = SCENARIOS[name]
    for earlier in before:
        assert 200 == world.post(earlier(subject)).status
    with world.proxy.faults(plan) as calls:
        reply = world.post(write(subject))
    return reply, calls


@pytest.mark.parametrize("name", SCENARIOS)
def test_without_a_fault_each_callback_is_kept(world, subject, name):
    """The scenarios are what they say: kept, or in quarantine."""
    reply, calls = post(world, name, subject, lambda _: None)

    assert reply.is_acknowledged
    assert len(calls) <= 4
    world.check(subject)


@pytest.mark.parametrize(("name", "fault"), CASES, ids=lambda each: getattr(each, "value", each))
def test_a_single_fault_loses_and_doubles_nothing(world, subject, name, fault):
    """At every call, in turn: acknowledged callbacks are there, none twice, all within three seconds."""
    _, calls = post(world, name, subject, lambda _: None)

    for position in range(len(calls)):
        world.replies = []
        fresh = f"{subject}-{position}"
        reply, _ = post(world, name, fresh, lambda call, at=position: fault if call.number == at else None)

        assert reply.is_acknowledged
        world.check(fresh)


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize(
    "fault",
    [Fault.KILLED, *(pytest.param(one, marks=pytest.mark.more) for one in QUICK if one is not Fault.KILLED)],
    ids=lambda each: each.value,
)
def test_a_repeat_after_the_hour_is_one_more_event_whatever_fails(world, subject, fault):
    """The next in the line of a timeless body is taken once, at whichever call the fault is."""
    for position in range(3):
        world.replies = []
        fresh, start = f"{subject}-{position}", 1_790_000_000
        world.post(bodies.timeless(fresh), at=start)

        with world.proxy.faults(lambda call, at=position: fault if call.number == at else None):
            assert "stored" == world.post(bodies.timeless(fresh), at=start + 3601).value["status"]

        assert {bodies.timeless(fresh): 2} == world.kept(f"conversation#{fresh}")


@pytest.mark.usefixtures("patient")
def test_a_write_without_an_answer_is_known_again(world, subject):
    """The next attempt finds its own row: stored, not a duplicate of itself, and no variant."""
    with world.proxy.faults(
        lambda call: Fault.KILLED if call.operation == "PutItem" and call.number < 1 else None
    ):
        reply = world.post(bodies.timed(subject))

    assert ("stored", []) == (reply.value["status"], reply.value["issues"])
    world.check(subject)
