"""What people and programs see: strangers' text escaped and never read as markup, colour on terminals only.

Answers go to standard output, everything about them (target, advice) to standard error.
"""

import io
import json
import re
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from tavus_callbacks.domain.common import timestamps

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

# Wider than any row: what is piped is for programs, so nothing is folded.
_PIPED_WIDTH = 1_000_000

_NAME_WIDTH = 12

_KILOBYTE = 1024

_SUSPECT = re.compile(r"[^ -~]")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_SUSPECT_IN_JSON = re.compile(r"[^ -~\n]")


def examples(*lines: str) -> str:
    """Write the end of a command's help; the mark in front keeps click from joining the lines."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def escaped(text: str) -> str:
    """Return one line in which every control, format and unassigned character is written as its escape."""
    return _SUSPECT.sub(lambda found: _shown(found[0]) or repr(found[0])[1:-1], text)


def _without_controls(text: str) -> str:
    # Line feeds and tabs are what files are made of.
    return _CONTROL.sub(lambda found: repr(found[0])[1:-1], text)


def json_text(value: object, *, indent: int | None = 2) -> str:
    """Write JSON that a terminal can show: letters as they are, all that is not printable escaped."""
    written = json.dumps(value, indent=indent, ensure_ascii=False)
    return _SUSPECT_IN_JSON.sub(lambda found: _shown(found[0]) or json.dumps(found[0])[1:-1], written)


def _shown(character: str) -> str | None:
    # Wide and unbreakable spaces are not "printable", and yet harmless and common in Japanese and French.
    is_harmless = character.isprintable() or unicodedata.category(character) == "Zs"
    return character if is_harmless else None


def print_json(value: object, *, indent: int | None = 2) -> None:
    """Print JSON to standard output, at once."""
    _make_output_safe()
    click.echo(json_text(value, indent=indent))


def print_block(text: str) -> None:
    """Print text of several lines; all but its line feeds is escaped."""
    _make_output_safe()
    click.echo("\n".join(map(escaped, text.split("\n"))))


def print_file(text: str) -> None:
    """Print what is to become a file: as it is, but for control characters."""
    _make_output_safe()
    click.echo(_without_controls(text), nl=False)


def note(text: str) -> None:
    """Print a note about the answer to standard error, dim."""
    click.secho(escaped(text), err=True, dim=True)


def print_line(line: "Text") -> None:
    """Print one line to standard output, longer than the terminal where need be."""
    console = _console()
    console.print(line, soft_wrap=True)


def print_folded(line: "Text", indent: int) -> None:
    """Print one line to standard output, on a terminal folded at words into lines that are indented."""
    from tavus_callbacks_cli.output.tables import folded

    console = _console()
    for part in folded(line, console.width, indent=indent):
        console.print(part, soft_wrap=True)


def print_table(columns: Sequence[str], rows: Iterable[Sequence["str | Text"]]) -> None:
    """Print rows under their heads, on a terminal without empty columns and with long cells folded.

    Where it is too narrow for ids and times in one piece, each row is a paragraph instead.
    """
    from tavus_callbacks_cli.output import tables

    console, cells = _console(), [list(map(_cell, row)) for row in rows]
    if console.is_terminal:
        columns, cells = tables.with_content(columns, cells)
    if widths := tables.widths(columns, cells, console.width):
        console.print(_table(columns, widths, cells))
        return
    for line in tables.paragraphs(columns, cells, console.width):
        console.print(line, soft_wrap=True)


def _table(columns: Sequence[str], widths: Sequence[int], rows: Sequence[Sequence["Text"]]) -> "Table":
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column, width in zip(columns, widths, strict=True):
        table.add_column(column, overflow="fold", width=width)
    for row in rows:
        table.add_row(*row)
    return table


def print_fields(fields: Iterable[tuple[str, str]]) -> None:
    """Print names and values below each other; a value of several lines stays in its column."""
    from rich.text import Text

    found = [(escaped(name), value) for name, value in fields]
    width = max([_NAME_WIDTH, *(len(name) + 2 for name, _ in found)])
    for name, value in found:
        first, *more = value.split("\n")
        print_folded(Text.assemble((f"{name:<{width}}", "bold"), escaped(first)), width)
        for line in more:
            print_folded(Text(" " * width + escaped(line)), width)


def _cell(value: "str | Text") -> "Text":
    from rich.text import Text

    return Text(escaped(value)) if isinstance(value, str) else value


def _console() -> "Console":
    from rich.console import Console

    _make_output_safe()
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _PIPED_WIDTH
    return console


def _make_output_safe() -> None:
    # A terminal that is not UTF-8 gets an escape for what it cannot show, not a traceback.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def moment(text: str | None) -> str:
    """Write a time of ours (ISO 8601) in this machine's zone, to the second; `-` where there is none."""
    read = timestamps.parse(text)
    return "-" if read is None else f"{read.astimezone():%Y-%m-%d %H:%M:%S}"


def zone() -> str:
    """Return the name of this machine's time zone, for the head of a column."""
    return datetime.now().astimezone().tzname() or "local"


def size(count: int) -> str:
    """Write a number of bytes for people."""
    if count < _KILOBYTE:
        return f"{count} B"
    if count < _KILOBYTE**2:
        return f"{count / _KILOBYTE:.1f} KB"
    return f"{count / _KILOBYTE**2:.1f} MB"


def tags(values: dict[str, Any]) -> str:
    """Write tags as they are given to `--tag`, one of several values once a value."""
    several = ((name, value if isinstance(value, list) else [value]) for name, value in values.items())
    return ", ".join(f"{name}:{one}" for name, found in several for one in found)
