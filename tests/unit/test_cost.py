"""docs/cost.md adds up: its fixed costs are those of the template, its months those of its own figures."""

import re
from pathlib import Path

import pytest

import benches

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "cost.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
COSTS = """
from bench.cost import STACKS, fixed_costs, load_stack
for parameters in STACKS.values():
    template = load_stack(parameters)
    print(len(template.resources), *(f"{cost:.2f}" for cost in fixed_costs(template).values()))
"""
# One process, so that the stacks are loaded once.
pytestmark = pytest.mark.xdist_group("cost")
MONEY = re.compile(r"\$([\d,]+\.\d\d)")


def part(heading):
    """Return the text below a heading."""
    return TEXT.partition(f"## {heading}\n")[2].partition("\n## ")[0]


def amounts(line):
    """Return the dollars that a line names."""
    return [float(each.replace(",", "")) for each in MONEY.findall(line)]


@pytest.fixture(scope="module")
def computed():
    """Return the resources of each stack that the page compares, and its fixed costs by the template."""
    lines = [line.split() for line in benches.printed(COSTS)]
    return [(int(resources), [float(cost) for cost in costs]) for resources, *costs in lines]


def fixed_rows():
    """Return the rows of fixed costs, one list of dollars for each stack."""
    rows = [amounts(line) for line in part("Without callbacks").split("\n\n")[1].splitlines()]
    return list(zip(*filter(None, rows), strict=True))


def test_fixed_costs_are_those_of_the_template(computed):
    """Each column is what the template's alarms, secrets, queues and schedule cost, with their sum below."""
    for column, (_, costs) in zip(fixed_rows(), computed, strict=True):
        assert costs == list(column[:-1])
        assert sum(costs) == pytest.approx(column[-1], abs=0.03)


def test_the_readme_states_the_idle_cost(computed):
    """The README has the cost of the default stack, which stays below its goal."""
    resources, _ = computed[0]
    idle = fixed_rows()[0][-1]

    assert f"${idle:.2f} a month" in README
    assert f"{resources} resources" in part("Without callbacks")
    assert idle <= 1.50


def test_each_list_adds_up():
    """The sum above each list of parts is the sum of its lines."""
    lists = re.findall(r"^(.*\$.*):\n\n((?:- \$.*\n)+)", TEXT, re.MULTILINE)

    assert 2 == len(lists)
    for whole, parts in lists:
        assert sum(amounts(parts)) == pytest.approx(amounts(whole)[0], abs=0.03)


def test_a_month_is_its_fixed_costs_and_its_callbacks():
    """Ten thousand, a million and a hundred million: the parts make the whole, in proportion."""
    rows = [line for line in part("A month").splitlines() if re.match(r"\| \d", line)]
    figures = [amounts(row) for row in rows]
    idle = fixed_rows()[0][-1]

    assert ["10,000", "1,000,000", "100,000,000"] == [row.split("|")[1].strip() for row in rows]
    for first, *parts, together in figures:
        assert first == idle
        assert together == pytest.approx(first + sum(parts), abs=0.03)
    for column in (1, 2, 3):
        assert figures[2][column] == pytest.approx(100 * figures[1][column], rel=0.2, abs=0.6)


def test_receiving_stays_below_its_goal():
    """The README says what a million callbacks of 2 KB cost to receive (at most $3.60), and in total."""
    goal = 3.60
    [row] = re.findall(r"^\| 2 KB .*", part("A million callbacks"), re.MULTILINE)
    [receiving] = amounts(row)

    assert goal >= receiving
    assert f"${receiving:.2f}" in README
    [total] = re.findall(r"^A million callbacks of 2 KB cost (\$[\d.]+) ", TEXT, re.MULTILINE)
    assert total in README


@pytest.mark.parametrize("name", ["cost", "performance", "scale"])
def test_a_document_has_the_words_of_its_template(name):
    """The document is written again after its template changes."""
    template = (ROOT / "infra" / "bench" / f"{name}.md").read_text(encoding="utf-8")
    document = (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8").splitlines()

    fixed = [line for line in template.splitlines() if "{" not in line]
    assert not [line for line in fixed if line not in document]
