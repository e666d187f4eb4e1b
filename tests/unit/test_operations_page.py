"""docs/operations.md and the runbooks say what template and code have."""

import re
from functools import cache
from pathlib import Path

from tavus_callbacks.domain.common.metrics import METRICS
from tavus_callbacks_cli.local_stack.template.intrinsics import Names, Resolver
from tavus_callbacks_cli.local_stack.template.template import load_template, translate
from watching import series_of

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
RUNBOOKS = (ROOT / "functions" / "tavus_callbacks" / "runbooks.md").read_text(encoding="utf-8")
RUNBOOK = re.compile(r"^## (\w+Alarm)\n\nSeverity: (\w+)\.(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
BY_FILTER = {"gateway_413", "gateway_429"}
# Every alarm there can be.
PARAMETERS = {"AlarmEmail": "a@example.com", "SilenceHours": "6", "PushUrl": "https://a.example.com"}


@cache
def alarms():
    """Return the properties of every alarm there can be, by its logical id."""
    template = load_template(ROOT / "template.yaml", PARAMETERS)
    return {one.logical_id: one.properties for one in template.of_type("AWS::CloudWatch::Alarm")}


def rows(heading):
    """Yield the cells of each row of the tables below a heading."""
    part = TEXT.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return [
        [cell.strip() for cell in row.strip("|").split("|")]
        for row in re.findall(r"^\|[^-].*", part, re.MULTILINE)
    ]


def test_every_alarm_has_a_runbook_with_its_severity():
    """A runbook says what the alarm means, what is lost and what to do."""
    runbooks = {name: (severity, text) for name, severity, text in RUNBOOK.findall(RUNBOOKS)}

    assert {name: each["AlarmDescription"].partition(":")[0] for name, each in alarms().items()} == {
        name: severity for name, (severity, _) in runbooks.items()
    }
    for _, text in runbooks.values():
        assert all(f"\n{part}: " in text for part in ("Meaning", "Lost", "Do"))


def test_an_alarm_links_to_its_runbook_at_the_stack_s_own_address():
    """The description ends with the full link; a domain of one's own replaces the gateway's."""
    plain = translate(ROOT / "template.yaml", {})
    resources, host = plain["Resources"], "tavus-callbacks-local-Api.execute-api.us-east-1.amazonaws.com"

    for domain in ("", "calls.example.com"):
        resolver = Resolver(plain, {"DomainName": domain}, Names(resources))
        for name in alarms():
            description = resolver.resolve(resources[name]["Properties"]["AlarmDescription"], name)
            assert description.endswith(f". https://{domain or host}/runbooks/{name}")


def names(cell):
    """Return the names that a cell of a table shows as code."""
    return set(re.findall(r"`(\w+)`", cell))


def test_every_alarm_is_listed_with_its_severity_and_metrics():
    """The table names each alarm once, with the counts it reads and what API Gateway may hide from it."""
    listed = {name: cells for cells in rows("Alarms") for name in names(cells[0]) if name.endswith("Alarm")}

    for name, alarm in alarms().items():
        _, severity, condition = listed[name]
        assert severity == alarm["AlarmDescription"].partition(":")[0]
        own = {metric for namespace, metric, _ in series_of(alarm) if not namespace.startswith("AWS/")}
        assert own == names(condition) & (METRICS | BY_FILTER)
        assert ("incomplete" in condition) == ("This alarm may miss failures" in alarm["AlarmDescription"])
    assert set(alarms()) == listed.keys()


def test_every_metric_is_explained():
    """Each metric of the code and of the gateway is with its alarm, or in the table of the others."""
    with_alarms = set().union(*(names(cells[-1]) for cells in rows("Alarms")))
    others = set().union(*(names(cells[0]) for cells in rows("Metrics")))

    assert METRICS | BY_FILTER == with_alarms & (METRICS | BY_FILTER) | others
    assert not with_alarms & others
