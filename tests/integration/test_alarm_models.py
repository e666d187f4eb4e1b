"""Alarms on models of what AWS does: a queue whose messages fail, and functions that Lambda does not call."""

from pathlib import Path

import pytest

from queue_model import AGE, MINUTE, run_queue
from tavus_callbacks_cli.local_stack.template.template import load_template
from watching import Point, calculate, is_red, series_of

ROOT = Path(__file__).parents[2]
HOUR = 60 * MINUTE
# CloudWatch retrieves more periods than an alarm evaluates, and does not say how many.
OLDER = (0, 1, 3)


@pytest.fixture(scope="module")
def template():
    """Return the template with somebody to notify."""
    return load_template(ROOT / "template.yaml", {"AlarmEmail": "operator@example.com"})


@pytest.fixture(scope="module")
def rings(template):
    """Return a function that selects the times at which an alarm is red."""

    def at(name, points, times, older=0):
        alarm = template.resources[name].properties
        return [now for now in times if is_red(alarm, points, now, older)]

    return at


@pytest.fixture(scope="module")
def spill(template):
    """Return a function that computes the metrics of the spill and its dead-letter queue."""
    queue, dead = (template.resources[name] for name in ("SpillQueue", "SpillDeadQueue"))

    def run(sent, fails, seconds, left_out=3):
        return list(
            run_queue(queue.properties, (queue.name, dead.name), sent, fails, seconds, left_out=left_out)
        )

    return run


# ---- the spill ----


def test_callbacks_that_wait_ring_until_the_store_is_back(rings, spill):
    """Red within a quarter of an hour, although the poller holds the messages; green when they drain."""
    outage = range(2 * HOUR)
    points = spill([30, 700, HOUR], outage.__contains__, 4 * HOUR)

    red = rings("SpillWaitsAlarm", points, range(0, 4 * HOUR, MINUTE))

    assert 10 * MINUTE < red[0] <= 15 * MINUTE
    assert set(range(red[0], outage.stop, MINUTE)) <= set(red)
    assert red[-1] <= outage.stop + 12 * MINUTE


@pytest.mark.parametrize(
    ("left_out", "sent"),
    [(3, [30]), (3, range(30, 4 * HOUR, 100)), (4, [30])],
    ids=["three", "three-busy", "more-than-three"],
)
def test_an_alarm_on_the_age_of_the_oldest_message_stays_green(template, spill, left_out, sent):
    """The alarm of earlier versions misses an outage that SpillWaits sees, by both readings of AWS's page."""
    points = spill(sent, lambda _: True, 4 * HOUR, left_out)
    waits = template.resources["SpillWaitsAlarm"].properties
    [queue, *_] = [each["MetricStat"]["Metric"] for each in waits["Metrics"] if "MetricStat" in each]
    earlier = {
        **{name: value for name, value in waits.items() if name != "Metrics"},
        **queue,
        "MetricName": AGE,
        "Statistic": "Maximum",
        "Period": 300,
        "Threshold": 900,
    }

    red = [[is_red(alarm, points, now) for now in range(0, 4 * HOUR, MINUTE)] for alarm in (earlier, waits)]
    assert 0 < max(point.value for point in points if point.name == AGE)
    assert [False, True] == [any(each) for each in red]


def test_a_short_outage_rings_nobody_at_night(rings, spill):
    """A message that the second attempt stores waits for one visibility timeout, not for three periods."""
    points = spill([30], range(5 * MINUTE).__contains__, HOUR)

    assert [] == rings("SpillWaitsAlarm", points, range(0, HOUR, MINUTE))


def test_a_message_that_always_fails_ends_as_a_dead_letter(rings, spill):
    """A thousand attempts take a little over four days; then the alarm for dead letters rings."""
    end = 101 * HOUR
    points = spill([30], lambda _: True, end)

    assert [] == rings("DeadLettersAlarm", points, [99 * HOUR])
    assert [end - MINUTE] == rings("DeadLettersAlarm", points, [end - MINUTE])


# ---- project ----


def counted(template, kept, invoked):
    """Return the points of callbacks that were stored and of invocations of `project`."""
    (own, name, _), lambdas = series_of(template.resources["ProjectIdleAlarm"].properties)
    return [Point(own, name, frozenset(), at, 1) for at in kept] + [Point(*lambdas, at, 1) for at in invoked]


@pytest.mark.parametrize("gap", [20, 479, 480, 481, 700, 960, 2000])
@pytest.mark.parametrize("delay", [0.2, 30, 300])
def test_a_project_that_is_called_never_rings(template, rings, gap, delay):
    """An invocation at the edge of a period, at any phase of the sliding window, raises no alarm."""
    kept = range(3, 2 * HOUR, gap)
    points = counted(template, kept, [at + delay for at in kept])

    for older in OLDER:
        # A callback whose invocation has not come yet raises no alarm either.
        assert [] == rings("ProjectIdleAlarm", points, range(HOUR, 2 * HOUR, 23), older)


def test_a_dead_project_rings_while_callbacks_come(template, rings):
    """Red 16 minutes after the last invocation, green as soon as Lambda calls it again."""
    dead, revived = HOUR, 2 * HOUR
    kept = range(0, 3 * HOUR, 50)
    points = counted(template, kept, [at + 1 for at in kept if not dead < at < revived])

    for older in OLDER:
        red = rings("ProjectIdleAlarm", points, range(0, 3 * HOUR, MINUTE), older)
        assert 16 * MINUTE <= red[0] - dead <= 18 * MINUTE
        assert red[-1] <= revived + MINUTE


def test_a_dead_project_is_not_seen_by_a_single_callback(template, rings):
    """The alarm needs callbacks in two periods; one lonely callback rings nobody."""
    points = counted(template, [HOUR], [])

    for older in OLDER:
        assert [] == rings("ProjectIdleAlarm", points, range(0, 3 * HOUR, MINUTE), older)


# ---- counts that are not written at zero ----


def test_silence_rings_some_hours_late():
    """CloudWatch evaluates older data points first, as many as it retrieves; without them it is on time."""
    template = load_template(ROOT / "template.yaml", {"AlarmEmail": "a@example.com", "SilenceHours": "2"})
    alarm = template.resources["SilenceAlarm"].properties
    points = [Point(*series_of(alarm)[0], HOUR, 1)]

    first = [
        next(now for now in range(HOUR, 9 * HOUR, MINUTE) if is_red(alarm, points, now, older))
        for older in OLDER
    ]
    assert [(3 + older) * HOUR for older in OLDER] == first


def test_the_alarm_of_the_failed_bucket_ends_late(template, rings):
    """`watch` writes no zero, so the last count rings as long as CloudWatch retrieves it."""
    alarm = template.resources["FailedBatchesAlarm"].properties
    points = [Point(*series_of(alarm)[0], at, 1) for at in range(0, HOUR + 1, 15 * MINUTE)]

    for older in OLDER:
        red = rings("FailedBatchesAlarm", points, range(HOUR, 9 * HOUR, MINUTE), older)
        assert red[-1] == (2 + older) * HOUR - MINUTE


# ---- watch ----


def test_a_watch_that_fails_or_does_not_run_rings(template, rings):
    """Green with a run every 15 minutes, red after an error and after half an hour without a run."""
    invocations, errors = series_of(template.resources["WatchErrorsAlarm"].properties)
    runs = [at for at in range(0, 4 * HOUR, 15 * MINUTE) if at < 3 * HOUR]
    points = [Point(*invocations, at, 1) for at in runs] + [Point(*errors, HOUR, 1)]

    red = rings("WatchErrorsAlarm", points, range(HOUR // 2, 4 * HOUR, MINUTE))

    failed, stopped = (range(at, at + HOUR // 2, MINUTE) for at in (HOUR, runs[-1] + HOUR // 2))
    assert [*failed, *range(stopped.start, 4 * HOUR, MINUTE)] == red


# ---- metric math ----


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("a + b", 3),
        ("a + none", 1),
        ("none + none", None),
        ("b > a", 1),
        ("a > 1000000 * b", 0),
        ("a > 1000000 * none", 1),
        ("IF(a, b)", 2),
        ("IF(a, none)", 0),
        ("IF(zero, b)", None),
        ("IF(none, b)", None),
    ],
)
def test_metric_math_treats_missing_values_as_aws_documents(expression, result):
    """As its page says: a missing operand counts as 0, a missing condition drops the period."""
    assert result == calculate(expression, {"a": 1, "b": 2, "zero": 0, "none": None})


@pytest.mark.parametrize("expression", ["FILL(a, 0)", "a - b", "IF(a, b, 0)", "a < b < a"])
def test_metric_math_that_is_not_modelled_is_an_error(expression):
    """An expression that the model does not know must not pass as one that it does."""
    with pytest.raises(ValueError, match="a"):
        calculate(expression, {"a": 1, "b": 2})
