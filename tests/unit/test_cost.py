"""docs/cost.md adds up: its fixed costs are those of the template, its months those of its own figures."""

import re
from pathlib import Path

import pytest

from tavus_callbacks_cli.local_stack.template.template import load_template

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "cost.md").read_text(encoding="utf-8")
MONEY = re.compile(r"\$([\d,]+\.\d\d)")


def part(heading):
    """Return what stands below a heading."""
    return TEXT.partition(f"## {heading}\n")[2].partition("\n## ")[0]


def amounts(line):
    """Return the dollars that a line names."""
    return [float(each.replace(",", "")) for each in MONEY.findall(line)]


def named(text, name):
    """Return the dollars of a row."""
    [row] = [line for line in text.splitlines() if line.startswith(f"| {name} |")]
    return amounts(row)[0]


def test_fixed_costs_are_those_of_the_template():
    """A new alarm is a dime a month, and the page says so."""
    fixed = part("With no callback at all")
    template = load_template(ROOT / "template.yaml", {"AlarmEmail": "a@example.com", "Dashboard": "on"})

    assert named(fixed, "alarms") == pytest.approx(len(template.of_type("AWS::CloudWatch::Alarm")) * 0.10)
    assert named(fixed, "the dashboard") == 3 * len(template.of_type("AWS::CloudWatch::Dashboard"))


def test_each_table_adds_up():
    """The bold line below each table of a million callbacks is the sum of what stands above it."""
    tables = [table.splitlines() for table in TEXT.split("\n\n") if "**together**" in table]

    assert 4 == len(tables)
    for *rows, end in tables:
        found = [amounts(row)[0] for row in rows if MONEY.search(row)]
        assert sum(found) == pytest.approx(amounts(end)[0], abs=0.03)


def test_a_month_is_its_fixed_costs_and_its_callbacks():
    """Ten thousand, a million and a hundred million: the parts make the whole, in proportion."""
    rows = [line for line in part("A month").splitlines() if re.match(r"\| \d", line)]
    figures = [amounts(row) for row in rows]
    fixed = part("With no callback at all")
    always = sum(named(fixed, name) for name in ("alarms", "the dashboard", "metrics")) + 0.40

    assert ["10,000", "1,000,000", "100,000,000"] == [row.split("|")[1].strip() for row in rows]
    for first, *parts, together in figures:
        assert first == pytest.approx(always)
        assert together == pytest.approx(first + sum(parts), abs=0.03)
    for column in (1, 2, 3):
        assert figures[2][column] == pytest.approx(100 * figures[1][column], rel=0.2, abs=0.6)


def test_receiving_stays_below_its_goal():
    """$3.60 for a million callbacks of 2 KB, received and kept, records and metrics among it."""
    goal = 3.60
    receiving = part("A million callbacks of 2 KB").split("**together**")[1]

    assert goal >= amounts(receiving)[0]


@pytest.mark.parametrize("name", ["cost", "performance", "scale"])
def test_a_document_has_the_words_of_its_template(name):
    """Who changes a template writes its document anew."""
    template = (ROOT / "infra" / "bench" / f"{name}.md").read_text(encoding="utf-8")
    document = (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8").splitlines()

    fixed = [line for line in template.splitlines() if "{" not in line]
    assert not [line for line in fixed if line not in document]
