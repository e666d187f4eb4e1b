"""docs/aws.md lists what the product assumes about AWS; a statement has a source, or a way to verify it."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "aws.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in PAGE.splitlines()
    if line.startswith("| ") and not line.startswith("| assumption ")
]
DOCUMENTED = re.findall(r"^- (.+(?:\n  .+)*)", PAGE, re.MULTILINE)
# Pages about Tavus say "unverified" of Tavus.
PAGES = [path for path in sorted(DOCS.glob("*.md")) if path.name not in ("aws.md", "tavus.md", "repair.md")]


def test_the_page_can_be_read_at_a_sitting():
    """`wc -w` counts at most 1,500 words."""
    assert len(PAGE.split()) <= 1500


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_each_unverified_statement_can_be_verified(row):
    """It says how to verify it, or why it does no harm."""
    statement, way = row

    assert statement
    assert way


@pytest.mark.parametrize("statement", DOCUMENTED)
def test_each_documented_statement_names_its_source(statement):
    """The source is in parentheses at its end."""
    assert re.search(r"\(.+\)\.$", statement, re.DOTALL)


def test_the_page_has_statements_of_both_sorts():
    """The tables and the lists are found."""
    assert len(ROWS) > 20
    assert len(DOCUMENTED) > 20


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_page_with_unverified_statements_links_to_the_list(path):
    """The reader of "believed" or "unverified" finds the whole list."""
    text = path.read_text(encoding="utf-8")

    assert not re.search(r"\b(believed|unverified)\b", text, re.IGNORECASE) or "(aws.md" in text
