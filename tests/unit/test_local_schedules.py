"""Schedules of the template: rates are read, anything else is an error, and time starts functions."""

import threading
from types import SimpleNamespace

import click
import pytest

from tavus_callbacks_cli.local_stack.functions.local_function import FunctionFailed
from tavus_callbacks_cli.local_stack.triggers.schedules import Schedule, run_schedule, schedules_of


def template(expression, **more):
    """Return a template with one rule."""
    properties = {"ScheduleExpression": expression, "Targets": [{"Arn": "arn:f:Watch", "Id": "1"}], **more}
    rules = [SimpleNamespace(logical_id="Rule", properties=properties)]
    return SimpleNamespace(of_type=lambda _: rules, function=lambda arn: arn.rpartition(":")[2])


@pytest.mark.parametrize(
    ("expression", "seconds"), [("rate(5 minutes)", 300), ("rate(1 hour)", 3600), ("rate(2 days)", 172800)]
)
def test_a_rate_is_read(expression, seconds):
    """As EventBridge writes it, in the singular too."""
    assert [Schedule(seconds, ("Watch",))] == schedules_of(template(expression))


def test_a_time_of_day_is_an_error():
    """The error says what to do."""
    with pytest.raises(click.ClickException, match="cannot be interpreted"):
        schedules_of(template("cron(0 12 * * ? *)"))


def test_a_disabled_rule_starts_nothing():
    """As on AWS."""
    assert [] == schedules_of(template("rate(5 minutes)", State="DISABLED"))


def test_in_a_hurry_it_comes_round_soon_and_again_after_a_failure():
    """A rate of a day does not wait for one, and a run that fails ends nothing."""
    started, times = [], threading.Semaphore(0)

    def invoke(function, event):
        started.append((function, event["source"]))
        times.release()
        raise FunctionFailed

    with run_schedule(Schedule(86400, ("Watch",)), invoke, hurry=True):
        assert times.acquire(timeout=60)
        assert times.acquire(timeout=60)

    assert {("Watch", "aws.events")} == set(started)


def test_without_hurry_nothing_comes_before_its_time():
    """The first run is one interval after the start."""
    started = []

    with run_schedule(Schedule(86400, ("Watch",)), lambda *_: started.append(1), hurry=False):
        pass

    assert [] == started
