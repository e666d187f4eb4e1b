"""The AWS CLI knows every command of it that the documents show."""

import re
from pathlib import Path

import pytest

from aws_commands import commands, faults

ROOT = Path(__file__).resolve().parents[2]
RUNBOOKS = ROOT / "functions" / "tavus_callbacks" / "runbooks.md"
DOCUMENTS = [ROOT / "README.md", RUNBOOKS, *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(?:sh|console|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_documented_commands_of_aws_have_existing_options(document):
    """Each operation exists, has every option that is given, and is given every option that it needs."""
    blocks = BLOCK.findall(document.read_text(encoding="utf-8"))

    assert [] == [fault for block in blocks for command in commands(block) for fault in faults(command)]


def test_the_page_about_removing_a_stack_shows_how_to_remove_rules():
    """Its commands list the rules and their targets, and remove both."""
    page = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    section = page.partition("\n## Remove a stack\n")[2].partition("\n## ")[0]

    shown = {command[1] for command in commands(section) if command[0] == "events"}

    assert {"list-rules", "list-targets-by-rule", "remove-targets", "delete-rule"} <= shown


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("aws events delete-rules --name x", "aws events has no delete-rules"),
        ("aws events delete-rule --rule x", "delete-rule has no --rule"),
        ("aws events remove-targets --rule x", "remove-targets needs Ids"),
        ("aws eventbus delete-rule --name x", "aws eventbus has no delete-rule"),
        ('x=$(aws events list-rules --event-bus "$STACK" --output text)', "list-rules has no --event-bus"),
    ],
)
def test_a_wrong_command_is_found(text, fault):
    """An unknown service, operation or option, and a missing option."""
    [command] = commands(text)

    assert fault in faults(command)
