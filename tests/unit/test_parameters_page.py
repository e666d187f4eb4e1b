"""docs/parameters.md agrees with the parameters and outputs of template.yaml."""

import re
from pathlib import Path

import pytest
from samtranslator.yaml_helper import yaml_parse

ROOT = Path(__file__).parents[2]
MOST = 25
# A parameter with more values has a range on the page.
MOST_VALUES = 4
# The condition of an output, as the page introduces its list.
CONDITIONS = {
    None: "In every stack",
    "HasDomain": "With `DomainName`",
    "HasRecordings": "With `Recordings=on`",
    "HasBus": "With `Push=on`",
    "HasPushUrl": "With `PushUrl`",
    "SignsPushes": "With `PushUrl` and `PushMode=signed`",
    "HasDashboard": "With `Dashboard=on`",
}


@pytest.fixture(scope="module")
def template():
    """Return the template as it is written."""
    return yaml_parse((ROOT / "template.yaml").read_text(encoding="utf-8"))


def section(heading):
    """Return what is below a heading of the page."""
    page = (ROOT / "docs/parameters.md").read_text(encoding="utf-8")
    return page.partition(f"\n## {heading}\n\n")[2].partition("\n\n## ")[0]


def values(parameter):
    """Return the default of a parameter and what else it may be, as the page writes them."""
    default, allowed = parameter["Default"], parameter.get("AllowedValues", [])
    if len(allowed) > MOST_VALUES:
        return f"`{default}`, {allowed[0]} to {allowed[-1]}, if CloudWatch Logs allows the value"
    if parameter["Type"] == "Number":
        least, most = parameter["MinValue"], parameter.get("MaxValue")
        return f"`{default}`, {least} or more" if most is None else f"`{default}`, {least} to {most}"
    others = [value for value in allowed if value != default]
    return ", ".join(f"`{value}`" for value in (default, *others)) if default else "none"


def test_the_page_says_what_the_template_says(template):
    """Each parameter has a row, in the order of the console, with its default, values and description."""
    groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    names = [name for group in groups for name in group["Parameters"]]
    parameters = template["Parameters"]
    rows = [f"|`{name}`|{values(parameters[name])}|{parameters[name]['Description']}|" for name in names]

    assert sorted(parameters) == sorted(names)
    assert rows == re.findall(r"^\|`.*", section("Parameters"), re.MULTILINE)


def test_the_page_names_every_output(template):
    """Each output has a line with its description, in the list of its condition."""
    lists = dict(re.findall(r"^(.+):\n\n((?:- .*\n?)+)", section("Outputs"), re.MULTILINE))
    expected = {condition: [] for condition in CONDITIONS.values()}
    for name, output in template["Outputs"].items():
        expected[CONDITIONS[output.get("Condition")]].append(f"- `{name}`: {output['Description']}")

    assert expected == {condition: text.splitlines() for condition, text in lists.items()}


def test_there_are_few_parameters(template):
    """Another parameter needs a reason: most values are better constants."""
    assert len(template["Parameters"]) <= MOST
