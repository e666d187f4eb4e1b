"""Random callbacks under random faults: whatever comes together, nothing acknowledged is lost or doubled."""

import os
from uuid import uuid4

import bodies
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from proxy import QUICK, Fault

# More where somebody asks for it: `make chaos`.
EXAMPLES = int(os.environ.get("FAULT_SCHEDULES", "4"))

WRITERS = (
    bodies.timed,
    lambda subject: bodies.timed(subject, properties={}),
    lambda subject: bodies.timed(subject, properties={"shutdown_reason": "x"}),
    bodies.timeless,
    bodies.large,
    bodies.garbage,
    bodies.unfileable,
)
# Mostly nothing, and slow ones seldom: they cost real seconds.
FAULTS = st.sampled_from([None] * 8 + list(QUICK) * 2 + [Fault.SLOW])
SCHEDULES = st.lists(FAULTS, min_size=1, max_size=24)
CALLBACKS = st.lists(st.sampled_from(range(len(WRITERS))), min_size=1, max_size=6)


@settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
@given(callbacks=CALLBACKS, schedule=SCHEDULES, seed=st.integers(0, 1000))
def test_no_schedule_of_faults_loses_or_doubles_a_callback(receiver, callbacks, schedule, seed):
    """Any callbacks, any faults at any calls: acknowledged ones are there, none twice, answers in time."""
    subject = uuid4().hex
    receiver.replies = []

    with receiver.proxy.faults(lambda call: schedule[call.number] if call.number < len(schedule) else None):
        for number in callbacks:
            receiver.post(WRITERS[number](subject))
    receiver.drain(seed)

    receiver.check(subject)


@pytest.mark.slow
@settings(max_examples=max(2, EXAMPLES // 4), suppress_health_check=list(HealthCheck))
@given(callbacks=CALLBACKS, schedule=st.lists(st.sampled_from([None, *QUICK]), min_size=1, max_size=6))
def test_no_outage_with_pauses_loses_or_doubles_a_callback(receiver, callbacks, schedule):
    """Every call fails as the schedule says, over and over: the same claim, with much in the spill."""
    subject = uuid4().hex
    receiver.replies = []

    with receiver.proxy.faults(lambda call: schedule[call.number % len(schedule)]):
        for number in callbacks:
            receiver.post(WRITERS[number](subject))

    receiver.check(subject)
