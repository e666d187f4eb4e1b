"""Every metric of ours, and the member of a log record that makes CloudWatch read them from it.

A metric is a member of the one record that a function logs, under the same name: nothing is written twice.
Only what is not zero is named, for log bytes are a quarter of the bill. The namespace is the stack's name,
so that several stacks stay apart; there are no dimensions. docs/operations.md says what each counts.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Literal, get_args

from tavus_callbacks.domain.common import issues as codes
from tavus_callbacks.domain.common.errors import Refusal

# Counts, but for `latency` (milliseconds) and `oldest_open` (seconds).
Metric = Literal[
    "kept",
    "duplicate",
    "variant",
    "quarantined",
    "issues",
    "unknown_event_type",
    "drift",
    "refused",
    "refused_malformed",
    "refused_unknown",
    "refused_scope",
    "refused_revoked",
    "refused_expired",
    "spilled",
    "drained",
    "erased",
    "failed",
    "recording_available",
    "recording_pending",
    "recording_missing",
    "recording_failed",
    "recording_other_bucket",
    "recording_other_provider",
    "recording_other_conversation",
    "push_failed",
    "oldest_open",
    "cold_start",
    "latency",
]
METRICS: frozenset[str] = frozenset(get_args(Metric))

# What a sender that changes its bodies leaves behind.
DRIFT = (codes.UNKNOWN_EVENT_TYPE, codes.UNKNOWN_PROPERTY, codes.UNEXPECTED_TYPE)

Counts = dict[str, float]


def count(name: Metric, number: float = 1) -> Counts:
    """Return one metric; the types hold its name to the list."""
    return {name: number}


def of_kept(status: Literal["stored", "duplicate", "erased"], found: Iterable[str]) -> Counts:
    """Return what keeping an event counts; the issues of a duplicate were counted when it was kept."""
    if status != "stored":
        return count(status)
    named = [issue.partition(":")[0] for issue in found]
    counts = {
        **count("kept"),
        **count("issues", len(named)),
        **count("variant", named.count(codes.VARIANT)),
        **count("unknown_event_type", named.count(codes.UNKNOWN_EVENT_TYPE)),
        **count("drift", sum(name in DRIFT for name in named)),
    }
    return {name: number for name, number in counts.items() if number}


def of_refusal(refusal: Refusal) -> Counts:
    """Return what a refusal counts: answers are alike for all of them, metrics are not."""
    return {"refused": 1, f"refused_{refusal}": 1}


def of_recording(status: str) -> Counts:
    """Return what a look at a recording counts."""
    return {f"recording_{status}": 1}


def declared(record: Mapping[str, Any], namespace: str, at: int) -> dict[str, Any]:
    """Return the member that names a record's metrics; `at` is in milliseconds since 1970.

    The embedded metric format: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/
    CloudWatch_Embedded_Metric_Format_Specification.html
    """
    names = [{"Name": name} for name, value in record.items() if name in METRICS and value]
    if not names:
        return {}
    directive = {"Namespace": namespace, "Dimensions": [[]], "Metrics": names}
    return {"_aws": {"Timestamp": at, "CloudWatchMetrics": [directive]}}
