"""CloudWatch as far as the proof of an alarm needs it: metrics out of log records, and the state of an alarm.

Written from AWS's documents (embedded metric format, metric filters, alarm evaluation), not from our code.
"""

import ast
import json
import operator
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

MILLISECONDS = 1000
NAMESPACE = re.compile(r"(?!AWS/)[\w.\-/#:]{1,255}", re.ASCII)
OPERATORS = {ast.Add: operator.add, ast.Mult: operator.mul, ast.Gt: operator.gt}
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
    """Read the metrics of log records as CloudWatch does; raises AssertionError for a refused record."""
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


Series = tuple[str, str, frozenset[tuple[str, str]]]


def series_of(alarm: Mapping[str, Any]) -> list[Series]:
    """Return the metrics that an alarm reads, each as namespace, name and dimensions."""
    stats = [each["MetricStat"] for each in alarm.get("Metrics", ()) if "MetricStat" in each]
    return [_series(metric) for metric in ([stat["Metric"] for stat in stats] or [alarm])]


def period_of(alarm: Mapping[str, Any]) -> int:
    """Return the period of an alarm in seconds; the metrics of an expression must share one."""
    stats = [each["MetricStat"] for each in alarm.get("Metrics", ()) if "MetricStat" in each]
    [period] = {int(each["Period"]) for each in stats or [alarm]}
    return period


def is_red(alarm: Mapping[str, Any], points: Iterable[Point], now: float, older: int = 0) -> bool:
    """Evaluate an alarm over the sliding window that ends at `now`: red if every period of it breaches.

    CloudWatch retrieves some `older` periods as well and does not say how many. It evaluates the newest that
    have data, and treats missing data only if those are too few ("Configuring how CloudWatch alarms treat
    missing data").
    """
    period, count = period_of(alarm), int(alarm["EvaluationPeriods"])
    spans: list[list[Point]] = [[] for _ in range(count + older)]
    for point in points:
        if 0 <= now - point.at < period * len(spans):
            spans[int((now - point.at) // period)].append(point)
    values = [_value(alarm, span) for span in spans]
    breaches = [_breaches(alarm, value) for value in values if value is not None][:count]
    missing = {"breaching": True, "notBreaching": False}[alarm["TreatMissingData"]]
    return all([*breaches, *[missing] * (count - len(breaches))])


def _series(metric: Mapping[str, Any]) -> Series:
    dimensions = frozenset((each["Name"], each["Value"]) for each in metric.get("Dimensions", ()))
    return metric["Namespace"], metric["MetricName"], dimensions


def _breaches(alarm: Mapping[str, Any], value: float) -> bool:
    threshold = float(alarm["Threshold"])
    return {
        "GreaterThanOrEqualToThreshold": value >= threshold,
        "LessThanThreshold": value < threshold,
    }[alarm["ComparisonOperator"]]


def _value(alarm: Mapping[str, Any], points: list[Point]) -> float | None:
    """Return the value of one period, None without data."""
    if "Metrics" not in alarm:
        return _statistic(alarm["Statistic"], _series(alarm), points)
    values, expressions = {}, []
    for each in alarm["Metrics"]:
        if "Expression" in each:
            expressions.append(each["Expression"])
        else:
            stat = each["MetricStat"]
            values[each["Id"]] = _statistic(stat["Stat"], _series(stat["Metric"]), points)
            assert each["ReturnData"] is False
    [expression] = expressions
    return calculate(expression, values)


def _statistic(statistic: str, series: Series, points: list[Point]) -> float | None:
    values = [each.value for each in points if (each.namespace, each.name, each.dimensions) == series]
    return {"Sum": sum, "Maximum": max}[statistic](values) if values else None


def calculate(expression: str, values: Mapping[str, float | None]) -> float | None:
    """Evaluate metric math for one period; raises ValueError for a part that is not supported.

    "Using math expressions with CloudWatch metrics": arithmetic and comparisons of two series count a missing
    value as 0. IF drops the period if its condition has no value, and counts a missing result as 0.
    """
    return _calculate(ast.parse(expression, mode="eval").body, values)


def _calculate(part: ast.expr, values: Mapping[str, float | None]) -> float | None:
    match part:
        case ast.Constant(value=int(number)):
            return number
        case ast.Name(id=name):
            return values[name]
        case ast.BinOp(left, sign, right) | ast.Compare(left, [sign], [right]) if type(sign) in OPERATORS:
            pair = [_calculate(side, values) for side in (left, right)]
            # A number beside a missing value makes no value.
            series = [side for side in (left, right) if not isinstance(side, ast.Constant)]
            is_missing = all(_calculate(side, values) is None for side in series)
            return None if is_missing else float(OPERATORS[type(sign)](*(value or 0 for value in pair)))
        case ast.Call(ast.Name("IF"), [condition, chosen]):
            return (_calculate(chosen, values) or 0) if _calculate(condition, values) else None
    raise ValueError(ast.unparse(part))
