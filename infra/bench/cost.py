"""Writes docs/cost.md: the cost of a stack without callbacks and of months of them, from measured sizes.

sizes.py starts the local stack once. Prices are those of us-east-1, in dollars. To run it:

PYTHONPATH=infra .venv/bin/python -m bench.cost
"""

import importlib.util
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, cast

from bench.bodies import KILOBYTE, transcript
from bench.packages import ROOT
from tavus_callbacks.aws.items import write_item
from tavus_callbacks.aws.push_secret import FRESH_FOR
from tavus_callbacks.aws.stores.entries import entry_items
from tavus_callbacks.aws.stores.summaries import SummaryRows, SummaryUpdate
from tavus_callbacks.domain.conversations.settings import FoldSettings
from tavus_callbacks.domain.events.stored_event import StoredEvent
from tavus_callbacks.domain.pushes.derived import SubjectState, derived_pushes, types_by_events
from tavus_callbacks.domain.pushes.push import callback_push
from tavus_callbacks.domain.summaries.summary import facts_from
from tavus_callbacks_cli.local_stack.template.template import Template, load_template

DOCUMENT = ROOT / "docs" / "cost.md"
MONTHS = (10_000, 1_000_000, 100_000_000)
MILLION = 1_000_000
MINUTES = 30 * 24 * 60
CALLBACKS = 5
SUBJECT = "c0123456789abcdef"
# A conversation of CALLBACKS callbacks, with the bytes of each.
CONVERSATION = {
    "system.replica_joined": 300,
    "system.shutdown": 300,
    "application.recording_ready": 300,
    "application.transcription_ready": 2 * KILOBYTE,
    "application.perception_analysis": 2 * KILOBYTE,
}
# Strongly consistent read of up to 4 KB; a gigabyte of the table with its backup (PITR), of logs kept.
READ_UNIT, TABLE_GB, LOG_GB = 0.125e-6, 0.25 + 0.20, 0.03
# The bytes that DynamoDB adds to an item and to an index entry.
ITEM_OVERHEAD = 100
# A month of a metric in an alarm, a dashboard, a metric of the stack's own, a secret. AWS's free tier is not
# deducted. An alarm on an expression is billed by its metrics.
ALARM, DASHBOARD, METRIC, SECRET = 0.10, 3.00, 0.30, 0.40
# A call of Secrets Manager, and those that read the secret of pushes: its current and its previous version.
SECRET_CALL, SECRET_CALLS = 0.05 / 10_000, 2
# The metrics that a stack usually writes in every hour in which callbacks arrive.
USUAL_METRICS = (
    *("kept", "oldest_open", "duplicate", "latency", "cold_start"),
    *("recording_available", "recording_pending"),
)
# Lambda polls a queue with so many connections, each for so many seconds; believed.
POLLERS, POLL_SECONDS = 5, 20
# A run of `watch`: its seconds, the units that it reads and writes. Assumed.
WATCH_SECONDS, WATCH_READS, WATCH_WRITES = 0.3, 9, 1
# The stacks whose fixed costs the document compares: name and parameters.
STACKS: dict[str, dict[str, str]] = {
    "default": {},
    "`AlarmEmail`": {"AlarmEmail": "operator@example.com"},
    "`AlarmEmail` and `Dashboard=on`": {"AlarmEmail": "operator@example.com", "Dashboard": "on"},
    "`TavusApiKeyArn` and `PushUrl`": {
        "TavusApiKeyArn": "arn:aws:secretsmanager:us-east-1:123456789012:secret:tavus-AbCdEf",
        "PushUrl": "https://a.example.com",
    },
}
# A push on the bus by 64 KB, a request of SQS, a gigabyte sent to the internet: looked up at third parties.
BUS_ENTRY, SQS_REQUEST, EGRESS_GB = 1.00e-6, 0.40e-6, 0.09
# The seconds of a post, its messages a batch, the bytes of its log record. Assumed.
POST_SECONDS, POST_BATCH, POST_RECORD = 0.100, 5, 400
# One record of `project` with what CloudWatch adds, beside Lambda's own lines: believed, as is its time.
PROJECT_RECORD, PROJECT_SECONDS = 220, 0.020


@dataclass(frozen=True, slots=True)
class Line:
    """A part of the price of a million callbacks, with its explanation."""

    name: str
    dollars: float
    why: str


def sizes() -> ModuleType:
    """Return infra/checks/sizes.py as a module; it is a script."""
    spec = importlib.util.spec_from_file_location("sizes", ROOT / "infra" / "checks" / "sizes.py")
    if spec is None or spec.loader is None:
        raise ImportError("infra/checks/sizes.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["sizes"] = module
    spec.loader.exec_module(module)
    return module


def summary_size(script: ModuleType) -> int:
    """Return the bytes of the summary of a whole conversation."""
    put: list[dict[str, Any]] = []

    def put_item(*, Item: dict[str, Any], **_: Any) -> dict[str, Any]:  # noqa: N803 - boto3's name
        put.append(Item)
        return {}

    rows = SummaryRows(cast("Any", SimpleNamespace(put_item=put_item)), "events")
    facts = facts_from("conversation", [event for event, _ in _stored_events()])
    published = types_by_events(_state(facts))
    rows.put_if_unchanged("conversation", SUBJECT, SummaryUpdate(facts, None), published, stored=None)
    return int(script.size_of(put[0]))


def entry_sizes(script: ModuleType) -> list[int]:
    """Return the bytes of each index entry of a whole conversation, which has one tag and a replica."""
    facts = facts_from("conversation", [event for event, _ in _stored_events()])
    return [script.size_of(write_item(item)) for item in entry_items("conversation", SUBJECT, facts, None)]


def push_sizes() -> list[int]:
    """Return the size in bytes of each push about a conversation, including its recording."""
    facts = facts_from("conversation", [event for event, _ in _stored_events()])
    derived = derived_pushes(_state(facts), types_by_events(_state(facts)))
    pushes = [*(callback_push(event, body) for event, body in _stored_events()), *derived]
    # The push of the recording is as long as that of the end, within some bytes.
    return [len(push.detail()) for push in [*pushes, derived[0]]]


def _state(facts: Any) -> SubjectState:
    settings = FoldSettings(presumed_ended_after=timedelta(hours=4))
    return SubjectState("conversation", SUBJECT, facts, datetime(2026, 11, 20, 11, tzinfo=UTC), settings)


def _stored_events() -> list[tuple[StoredEvent, bytes]]:
    return [_event(number, kind, size) for number, (kind, size) in enumerate(CONVERSATION.items())]


def _event(number: int, event_type: str, size: int) -> tuple[StoredEvent, bytes]:
    body = transcript(SUBJECT, size) | {"event_type": event_type}
    at = datetime(2026, 11, 20, 10, number, tzinfo=UTC).isoformat()
    item = {"ref": f"{number}-x", "family": "conversation", "kind": "conversation", "event_type": event_type}
    kept = {"subject": body["conversation_id"], "label": "prod", "tags": {"user": "4711"}, "occurred_at": at}
    more = {"received_at": at, "issues": [], "content": "0" * 32, "body_size": size}
    raw_body = json.dumps(body).encode()
    return StoredEvent.from_row({**item, **kept, **more}, raw_body), raw_body


def load_stack(parameters: dict[str, str]) -> Template:
    """Return the template of a stack with these parameters."""
    return load_template(ROOT / "template.yaml", parameters)


def fixed_costs(template: Template) -> dict[str, float]:
    """Return the monthly costs of a stack that receives no callback, by what causes them."""
    alarms = template.of_type("AWS::CloudWatch::Alarm")
    return {
        "secrets": SECRET * len(template.of_type("AWS::SecretsManager::Secret")),
        "queue polling": _polling(template),
        "`watch` runs": _watching(template),
        "alarms": ALARM * sum(len(metrics_of(alarm.properties)) for alarm in alarms),
        "dashboard": DASHBOARD * len(template.of_type("AWS::CloudWatch::Dashboard")),
    }


def metrics_of(alarm: dict[str, Any]) -> list[str]:
    """Return the names of the metrics that an alarm reads: one, or those of its expression."""
    queries = alarm.get("Metrics", [{"MetricStat": {"Metric": alarm}}])
    return [query["MetricStat"]["Metric"]["MetricName"] for query in queries if "MetricStat" in query]


def _polling(template: Template) -> float:
    mappings = template.of_type("AWS::Lambda::EventSourceMapping")
    queues = [each for each in mappings if ":sqs:" in each.properties["EventSourceArn"]]
    return len(queues) * POLLERS * MINUTES * 60 / POLL_SECONDS * SQS_REQUEST


def _watching(template: Template) -> float:
    """Return the price of the runs of `watch`, each with one LIST of the failed bucket."""
    script, function = sizes(), template.resources["WatchFunction"]
    rules = template.of_type("AWS::Events::Rule")
    [schedule] = [
        each.properties["ScheduleExpression"] for each in rules if "ScheduleExpression" in each.properties
    ]
    minutes = int(schedule.removeprefix("rate(").removesuffix(" minutes)"))
    gigabyte_seconds = WATCH_SECONDS * function.properties["MemorySize"] / KILOBYTE
    run = script.LAMBDA_REQUEST + gigabyte_seconds * script.GB_SECOND_ARM + script.PUT
    return float(MINUTES / minutes * (run + WATCH_READS * READ_UNIT + WATCH_WRITES * script.WRITE_UNIT))


def usual_metrics(template: Template) -> list[str]:
    """Return the metrics that a stack with callbacks in every hour pays for in every hour."""
    variables = template.resources["ReceiveFunction"].properties["Environment"]["Variables"]
    emitted = str(variables.get("METRICS", "")).split(",")
    return [name for name in USUAL_METRICS if name in emitted]


def summary_lines(script: ModuleType, summary: int, entries: list[int]) -> list[Line]:
    """Return the costs of summaries and their listing, with a batch for each callback."""
    write, units = script.WRITE_UNIT * MILLION, -(-summary // KILOBYTE)
    log = PROJECT_RECORD + script.platform_log()
    # A new summary looks a second time: its subject may have been erased in between.
    looks = 1 + 1 / CALLBACKS
    return [
        Line(
            "`project`",
            script.LAMBDA_REQUEST * MILLION + PROJECT_SECONDS * _lambda_time(script),
            f"{PROJECT_SECONDS * 1000:.0f} ms each (assumed)",
        ),
        Line("reads", READ_UNIT * (looks + 1) * MILLION, "tombstone and summary, strongly consistent"),
        Line("summary", units * write, f"{summary} bytes written"),
        Line(
            "index entries",
            (1 + 2 * len(entries)) * write / CALLBACKS,
            "listing, one tag and one replica, written once for every five callbacks",
        ),
        Line("logs of `project`", log * script.LOG_BYTE * MILLION, f"{log} bytes each (assumed)"),
    ]


def _lambda_time(script: ModuleType) -> float:
    return float(script.MEMORY_GB * script.GB_SECOND_ARM * MILLION)


def push_lines(script: ModuleType, sizes_of_pushes: list[int]) -> list[Line]:
    """Return the costs of posts to a server."""
    pushes = len(sizes_of_pushes) / len(CONVERSATION) * MILLION
    gigabytes = sum(sizes_of_pushes) / len(CONVERSATION) * MILLION / 1e9
    requests = 1 + 2 / POST_BATCH
    function = script.LAMBDA_REQUEST / POST_BATCH + POST_SECONDS * script.MEMORY_GB * script.GB_SECOND_ARM
    return [
        Line("queue", pushes * requests * SQS_REQUEST, f"read in batches of {POST_BATCH}"),
        Line("`push`", pushes * function, f"{POST_SECONDS * 1000:.0f} ms each, at 512 MB (assumed)"),
        Line("internet", gigabytes * EGRESS_GB, f"{gigabytes:.1f} GB sent"),
        Line("logs of `push`", pushes * POST_RECORD * script.LOG_BYTE, f"{POST_RECORD} bytes each (assumed)"),
    ]


def _list(lines: list[Line]) -> str:
    return "\n".join(f"- ${line.dollars:.2f} {line.name}: {line.why}" for line in lines)


def _sum(lines: list[Line]) -> float:
    return sum(line.dollars for line in lines)


def stored(row: Any, summary: int, entries: list[int]) -> float:
    """Return the bytes that a callback takes in the table and its indexes."""
    once = [summary, *entries]
    share = sum(size + 2 * ITEM_OVERHEAD + 150 for size in once) / len(CONVERSATION)
    return float(row.item + ITEM_OVERHEAD + 150 + ITEM_OVERHEAD + share)


def main() -> None:
    """Measure and write."""
    script = sizes()
    rows = script.measure_all()
    [row] = [each for each in rows if each.body == 2 * KILOBYTE]
    summary, entries = summary_size(script), entry_sizes(script)
    summaries = summary_lines(script, summary, entries)
    details = push_sizes()
    pushes = len(details) / len(CONVERSATION)
    bus, posts = pushes * BUS_ENTRY * MILLION, push_lines(script, details)
    million, size = row.dollars + _sum(summaries) + bus, stored(row, summary, entries)
    template = Path(__file__).with_name("cost.md").read_text(encoding="utf-8")
    templates = {name: load_stack(parameters) for name, parameters in STACKS.items()}
    idle = sum(fixed_costs(templates["default"]).values())
    words = {
        "fixed": _fixed_table(templates),
        "metrics": ", ".join(_metrics(templates)),
        "secret": f"{SECRET_CALL * SECRET_CALLS * MINUTES * 60 / FRESH_FOR.total_seconds():.2f}",
        "resources": len(templates["default"].resources),
        "sizes": script.table(rows),
        "inline": script.inline_limit(),
        "summaries": f"{_sum(summaries):.2f}",
        "summary_parts": _list(summaries),
        "entry": f"{2 * script.WRITE_UNIT * MILLION / CALLBACKS:.2f}",
        "bus": f"{bus:.2f}",
        "posts": f"{_sum(posts):.2f}",
        "post_parts": _list(posts),
        "pushes": f"{pushes:.1f}",
        "million": f"{million:.2f}",
        "months": "\n".join(_month(count, million, size, row.log, idle) for count in MONTHS),
        "stored": f"{MILLION * size / 1e9:.2f}",
        "storage": f"{MILLION * size / 1e9 * TABLE_GB:.2f}",
    }
    DOCUMENT.write_text(template.format(**words), encoding="utf-8")
    sys.stdout.write(f"{words['sizes']}\n{words['summary_parts']}\n{million:.2f}\n")


def _fixed_table(templates: dict[str, Template]) -> str:
    costs = [fixed_costs(template) for template in templates.values()]
    lines = [_dollars(name, [cost[name] for cost in costs]) for name in costs[0]]
    totals = _dollars("total", [sum(cost.values()) for cost in costs])
    return "\n".join(
        [f"| cost a month | {' | '.join(templates)} |", "|---|" + "---:|" * len(costs), *lines, totals]
    )


def _dollars(name: str, amounts: list[float]) -> str:
    return f"| {name} | {' | '.join(f'${amount:.2f}' for amount in amounts)} |"


def _metrics(templates: dict[str, Template]) -> Iterator[str]:
    for name, template in templates.items():
        if names := usual_metrics(template):
            yield f"${len(names) * METRIC:.2f} with {name}"


def _month(count: int, million: float, size: float, log: int, idle: float) -> str:
    kept, logs = count * size / 1e9 * TABLE_GB, count * (log + PROJECT_RECORD) / 1e9 * LOG_GB
    written = count / MILLION * million
    parts = (idle, written, kept, logs, idle + written + kept + logs)
    return " | ".join([f"| {count:,}", *(f"${part:,.2f}" for part in parts)]) + " |"


if __name__ == "__main__":
    main()
