"""docs/parameters.md agrees with the parameters and outputs of template.yaml."""

from pathlib import Path

import pytest
from samtranslator.yaml_helper import yaml_parse

ROOT = Path(__file__).parents[2]
MOST = 25
# The condition of an output, as the page writes it.
CONDITIONS = {
    None: "",
    "HasDomain": "`DomainName`",
    "HasRecordings": "`Recordings=on`",
    "HasBus": "`Push=on`",
    "HasPushUrl": "`PushUrl`",
    "SignsPushes": "`PushUrl` and `PushMode=signed`",
    "HasDashboard": "`Dashboard=on`",
}


@pytest.fixture(scope="module")
def template():
    """Return the template as it is written."""
    return yaml_parse((ROOT / "template.yaml").read_text(encoding="utf-8"))


def rows(header):
    """Return the cells of the table with a header."""
    table = (ROOT / "docs/parameters.md").read_text(encoding="utf-8").partition(header)[2].split("\n\n")[0]
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in table.splitlines()[2:]]


def allowed(parameter):
    """Return the values that a parameter allows, as the page writes them."""
    if "AllowedValues" in parameter:
        return ", ".join(f"`{value}`" for value in parameter["AllowedValues"])
    if "ConstraintDescription" in parameter:
        return parameter["ConstraintDescription"]
    if "AllowedPattern" in parameter:
        return f"`{parameter['AllowedPattern']}`"
    if parameter["Type"] == "Number":
        least, most = parameter["MinValue"], parameter.get("MaxValue")
        return f"{least} or more" if most is None else f"{least} to {most}"
    if "MinLength" in parameter:
        return f"{parameter['MinLength']} characters or more"
    return "values separated by commas" if parameter["Type"] == "CommaDelimitedList" else "text"


def default(parameter):
    """Return the default of a parameter, as the pages write it."""
    return "none" if parameter["Default"] == "" else f"`{parameter['Default']}`"


def test_the_page_says_what_the_template_says(template):
    """Each parameter has a row, in the order of the console, with its default, values and description."""
    groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    names = [name for group in groups for name in group["Parameters"]]
    parameters = template["Parameters"]

    assert sorted(parameters) == sorted(names)
    assert [
        [f"`{name}`", default(parameters[name]), allowed(parameters[name]), parameters[name]["Description"]]
        for name in names
    ] == [row[:4] for row in rows("| parameter | default |")]
    assert all(row[4] for row in rows("| parameter | default |"))


def test_the_page_names_every_output(template):
    """Each output has a row with its condition and its description."""
    expected = [
        [f"`{name}`", CONDITIONS[output.get("Condition")], output["Description"]]
        for name, output in template["Outputs"].items()
    ]

    assert expected == rows("| output | exists with |")


def test_there_are_few_parameters(template):
    """Another parameter needs a reason: most values are better constants."""
    assert len(template["Parameters"]) <= MOST
