"""docs/tavus.md is complete and sourced, and the code cites its sections instead of notes that nobody has."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tavus_callbacks.domain.callbacks.families import FAMILIES

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "tavus.md").read_text(encoding="utf-8")
DOMAIN = ROOT / "functions" / "tavus_callbacks" / "domain"
# In two pieces, so that this file does not cite the notes itself.
NOTES = "tavus-callbacks" + ".md"

EVENT_TYPE = re.compile(r"(system|application|conversation|canvas)(\.[a-z_]+)+")
MARKS = re.compile(r"([DRT?]\d+ )*[DRT?]\d+")
CITATION = re.compile(r'docs/tavus\.md,\s+"([^"]+)"')
WRITTEN = {".py", ".md", ".json", ".yaml", ".yml", ".toml", ".txt", ".js", ".mjs", ".html", ".svg"}


def files() -> list[Path]:
    """List the repository's own text files."""
    folders = [path for name in ("docs", "functions", "infra", "tests") for path in (ROOT / name).rglob("*")]
    return [
        path
        for path in [*folders, *ROOT.glob("[!.]*")]
        if path.is_file() and path.suffix in WRITTEN and "node_modules" not in path.parts
    ]


def section(heading: str) -> str:
    """Return the text below a heading of the second level."""
    return PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def tables() -> Iterator[list[list[str]]]:
    """Yield each table as rows of cells, the head first and without the separator."""
    for found in re.finditer(r"(?:^\|.*\|\n)+", PAGE, re.MULTILINE):
        rows = [[cell.strip() for cell in line[1:-1].split("|")] for line in found[0].splitlines()]
        yield [rows[0], *rows[2:]]


def event_types() -> set[str]:
    """Collect Tavus's event types from the strings in the domain's code; pushes.py has types of our own."""
    paths = [path for path in DOMAIN.rglob("*.py") if path.parent.name != "pushes"]
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in paths]
    constants = [node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    return {value for value in constants if isinstance(value, str) and EVENT_TYPE.fullmatch(value)}


HEADINGS = re.findall(r"^## (.*)$", PAGE, re.MULTILINE)
STATEMENTS = [row for head, *rows in tables() if head[-1] == "from" for row in rows]


def test_the_page_can_be_read_at_a_sitting():
    """The page has at most 1,500 words."""
    assert len(PAGE.split()) <= 1500


def test_every_table_of_facts_has_a_column_for_sources():
    """No table but the legend of marks comes without sources."""
    assert [["mark", "meaning"]] == [head for head, *_ in tables() if head[-1] != "from"]


@pytest.mark.parametrize("row", STATEMENTS, ids=lambda row: row[0])
def test_every_statement_has_a_mark_and_a_source(row):
    """Each row of a table ends with marks, and each mark names its source."""
    assert MARKS.fullmatch(row[-1])


def test_every_listed_statement_has_a_mark_and_a_source():
    """Each item of the summary ends with marks, too."""
    items = re.findall(r"^\d+\. (.*)$", section("Summary"), re.MULTILINE)

    assert [] != items
    assert [] == [item for item in items if not re.search(rf" \({MARKS.pattern}\)$", item)]


def test_the_sources_are_those_that_the_statements_name():
    """Each cited number is in the list of sources, and each source is cited."""
    listed = re.findall(r"^(\d+)\. ", section("Sources"), re.MULTILINE)
    cited = re.findall(r"[DRT?](\d+)\b", PAGE.partition("\n## Sources\n")[0])

    assert set(listed) == set(cited)


def test_every_event_type_of_the_code_is_on_the_page():
    """A reader finds each event type that the code knows."""
    known = event_types()

    assert {"system.shutdown", "canvas.interaction"} < known
    assert set() == {event_type for event_type in known if f"`{event_type}`" not in PAGE}


@pytest.mark.parametrize("family", [family.name for family in FAMILIES])
def test_every_family_is_on_the_page(family):
    """A reader finds each family of callbacks in a heading or at the beginning of a row."""
    places = [*HEADINGS, *(row[0] for row in STATEMENTS)]

    assert [] != [place for place in places if re.search(rf"\b{family}s?\b", place, re.IGNORECASE)]


def test_nothing_cites_notes_outside_the_repository():
    """Whoever follows a citation finds what it cites."""
    citing = [str(path) for path in files() if NOTES in path.read_text(encoding="utf-8")]

    assert [] == citing


def test_every_citation_names_a_section_of_the_page():
    """A comment that cites a section keeps pointing at one."""
    cited = {name for path in files() for name in CITATION.findall(path.read_text(encoding="utf-8"))}

    assert "Timing" in cited
    assert set() == cited - set(HEADINGS)
