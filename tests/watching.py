"""CloudWatch as far as the proof of an alarm needs it: metrics out of log records, and the state of an alarm.

Written from AWS's documents (embedded metric format, metric filters, alarm evaluation), not from our code.
"""

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

MILLISECONDS = 1000
NAMESPACE = re.compile(r"(?!AWS/)[\w.\-/#:]{1,255}", re.ASCII)
EQUALS = re.compile(r'\{ \$\.(\w+) = "([^"]*)" \}')


@dataclass(frozen=True)
class Point:
    """One value of a metric; `at` is in seconds."""

    namespace: str
    name: str
    dimensions: frozenset[tuple[str, str]]
    at: float
    value: float

    def later(self, seconds: float) -> "Point":
        """Return the same value at another time."""
        return replace(self, at=self.at + seconds)


def points_of(records: Iterable[Mapping[str, Any]]) -> list[Point]:
    """Read the metrics of log records as CloudWatch does; what it would refuse is an AssertionError."""
    return [point for record in records if "_aws" in record for point in _points(record)]


def _points(record: Mapping[str, Any]) -> Iterator[Point]:
    at = record["_aws"]["Timestamp"]
    assert isinstance(at, int)
    assert 1.5e12 < at < 5e12  # milliseconds, not seconds
    for directive in record["_aws"]["CloudWatchMetrics"]:
        assert NAMESPACE.fullmatch(directive["Namespace"])
        assert 0 < len(directive["Metrics"]) <= 100
        for names in directive["Dimensions"]:
            assert len(names) <= 30
            dimensions = frozenset((name, record[name]) for name in names)
            for metric in directive["Metrics"]:
                value = record[metric["Name"]]
                assert isinstance(value, int | float)
                yield Point(directive["Namespace"], metric["Name"], dimensions, at / MILLISECONDS, value)


def filtered(metric_filter: Mapping[str, Any], line: str, at: float) -> list[Point]:
    """Apply a metric filter of the form `{ $.member = "text" }` to a line of its log."""
    matched = EQUALS.fullmatch(metric_filter["FilterPattern"])
    assert matched
    if json.loads(line).get(matched[1]) != matched[2]:
        return []
    return [
        Point(one["MetricNamespace"], one["MetricName"], frozenset(), at, float(one["MetricValue"]))
        for one in metric_filter["MetricTransformations"]
    ]


def series_of(alarm: Mapping[str, Any]) -> tuple[str, str, frozenset[tuple[str, str]]]:
    """Return the metric that an alarm looks at."""
    dimensions = frozenset((one["Name"], one["Value"]) for one in alarm.get("Dimensions", ()))
    return alarm["Namespace"], alarm["MetricName"], dimensions


def is_red(alarm: Mapping[str, Any], points: Iterable[Point], now: float) -> bool:
    """Evaluate an alarm over the whole periods that end at `now`: red where all of them breach."""
    period, count = int(alarm["Period"]), int(alarm["EvaluationPeriods"])
    ours = [one for one in points if (one.namespace, one.name, one.dimensions) == series_of(alarm)]
    spans = [(now - period * (number + 1), now - period * number) for number in range(count)]
    return all(_breaches(alarm, [one.value for one in ours if start < one.at <= end]) for start, end in spans)


def _breaches(alarm: Mapping[str, Any], values: list[float]) -> bool:
    if not values:
        return {"breaching": True, "notBreaching": False}[alarm["TreatMissingData"]]
    value, threshold = _statistic(alarm, values), float(alarm["Threshold"])
    return {
        "GreaterThanOrEqualToThreshold": value >= threshold,
        "LessThanThreshold": value < threshold,
    }[alarm["ComparisonOperator"]]


def _statistic(alarm: Mapping[str, Any], values: list[float]) -> float:
    if "ExtendedStatistic" in alarm:
        share = float(alarm["ExtendedStatistic"].removeprefix("p")) / 100
        return sorted(values)[math.ceil(share * len(values)) - 1]
    return {"Sum": sum, "Maximum": max}[alarm["Statistic"]](values)
