"""The names that can be metrics, and the counts that carry them.

A metric is a member of the one record that a function logs, under the same name, so nothing is written twice.
Which names are metrics of a deployment is the variable METRICS; the others are only logged. The namespace is
the stack's name, which separates several stacks; there are no dimensions. docs/operations.md lists them all.
"""

from collections.abc import Iterable
from typing import Literal, get_args

from tavus_callbacks.domain.common import issues as codes
from tavus_callbacks.domain.common.errors import Refusal

# Counts of events, except `latency` (milliseconds), `oldest_open` (seconds) and `failed_waiting` (objects).
Metric = Literal[
    "kept",
    "duplicate",
    "variant",
    "quarantined",
    "unavailable",
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
    "failed_waiting",
    "recording_available",
    "recording_pending",
    "recording_missing",
    "recording_failed",
    "recording_other_bucket",
    "recording_other_provider",
    "recording_other_conversation",
    "push_failed",
    "oldest_open",
    "overdue",
    "cold_start",
    "latency",
]
METRICS: frozenset[str] = frozenset(get_args(Metric))

# The issues of bodies that the sender changed.
DRIFT = (codes.UNKNOWN_EVENT_TYPE, codes.UNKNOWN_PROPERTY, codes.UNEXPECTED_TYPE)

Counts = dict[str, float]


def count(name: Metric, number: float = 1) -> Counts:
    """Return one metric; the type checker knows its names."""
    return {name: number}


def kept_counts(status: Literal["stored", "duplicate", "erased"], issues: Iterable[str]) -> Counts:
    """Return the counts for an event; the issues of a duplicate were counted with the first one."""
    if status != "stored":
        return count(status)
    named = [issue.partition(":")[0] for issue in issues]
    counts = {
        **count("kept"),
        **count("issues", len(named)),
        **count("variant", named.count(codes.VARIANT)),
        **count("unknown_event_type", named.count(codes.UNKNOWN_EVENT_TYPE)),
        **count("drift", sum(name in DRIFT for name in named)),
    }
    return {name: number for name, number in counts.items() if number}


def refusal_counts(refusal: Refusal) -> Counts:
    """Return the counts for a refusal; the metrics tell the reasons apart, the answers do not."""
    return {"refused": 1, f"refused_{refusal}": 1}


def recording_counts(status: str) -> Counts:
    """Return the counts for a recording's status."""
    return {f"recording_{status}": 1}
