"""docs/operations.md says what template and code have: each alarm its runbook, each metric its line."""

import re
from pathlib import Path

from tavus_callbacks.domain.common.metrics import METRICS
from tavus_callbacks_cli.local_stack.template.template import load_template

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
RUNBOOK = re.compile(r"^### (\w+Alarm)\n\n(\w+)", re.MULTILINE)


def alarms():
    """Return every alarm there can be: its severity, and where its mail says to read on."""
    template = load_template(
        ROOT / "template.yaml", {"SilenceHours": "6", "PushUrl": "https://a.example.com"}
    )
    return {
        one.logical_id: one.properties["AlarmDescription"]
        for one in template.of_type("AWS::CloudWatch::Alarm")
    }


def test_every_alarm_has_its_runbook_and_says_so():
    """The mail names the heading; the heading's first word is the severity."""
    runbooks = dict(RUNBOOK.findall(TEXT))

    assert set(alarms()) == set(runbooks)
    for name, description in alarms().items():
        assert description.endswith(f" docs/operations.md#{name.lower()}")
        assert runbooks[name] == description.partition(":")[0]


def test_every_metric_is_explained():
    """The table of metrics is the list of the code, and the two of the gateway."""
    table = TEXT.partition("## Metrics")[2].partition("## Runbooks")[0]
    named = {
        name
        for row in re.findall(r"^\| (`[^|]+) \|", table, re.MULTILINE)
        for name in re.findall(r"`(\w+)`", row)
    }

    assert METRICS | {"gateway_413", "gateway_429"} == named
