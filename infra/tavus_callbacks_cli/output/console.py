"""Printing for people and programs: strangers' text is escaped and never read as markup.

Answers go to standard output. Notes about them (target, advice) go to standard error. Only terminals get
colour.
"""

import io
import re
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import click

from tavus_callbacks_cli.output.text import Prose, escape, json_text

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, ProgressColumn
    from rich.text import Text

# Wider than any row: piped output is for programs, so nothing is wrapped.
_PIPED_WIDTH = 1_000_000

_NAME_WIDTH = 12

# Files consist of lines and tabs, so these two stay.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def print_json(value: object, *, indent: int | None = 2) -> None:
    """Print JSON to standard output, at once."""
    _make_output_safe()
    click.echo(json_text(value, indent=indent))


def print_block(text: str) -> None:
    """Print text of several lines, with everything but its line feeds escaped."""
    _make_output_safe()
    click.echo("\n".join(map(escape, text.split("\n"))))


def print_file(text: str) -> None:
    """Print the content of a file as it is, except for control characters."""
    _make_output_safe()
    click.echo(_CONTROL.sub(lambda match: repr(match[0])[1:-1], text), nl=False)


def note(text: str) -> None:
    """Print a note about the answer to standard error, dim."""
    click.secho(escape(text), err=True, dim=True)


def print_line(line: "Text", *, indent: int | None = None, units: Sequence[str] = ()) -> None:
    """Print one line to standard output, even if it is longer than the terminal is wide.

    With an indent, a terminal wraps it at words and indents the lines that follow. `units` are parts of the
    line that stay in one piece.
    """
    from tavus_callbacks_cli.output.tables import wrap

    console = _console()
    for part in [line] if indent is None else wrap(line, console.width, indent=indent, units=units):
        console.print(part, soft_wrap=True)


def print_table(columns: Sequence[str], rows: Iterable[Sequence["str | Text"]]) -> None:
    """Print rows under their column names; a terminal shows no empty columns and wraps long cells.

    If the terminal is too narrow for whole ids and times, each row becomes a paragraph.
    """
    from rich.table import Table
    from rich.text import Text

    from tavus_callbacks_cli.output import tables

    console = _console()
    cells = [[Text(escape(cell)) if isinstance(cell, str) else cell for cell in row] for row in rows]
    if console.is_terminal:
        columns, cells = tables.drop_empty_columns(columns, cells)
    widths = tables.column_widths(columns, cells, console.width)
    if widths is None:
        for line in tables.paragraphs(columns, cells, console.width):
            console.print(line, soft_wrap=True)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column, width in zip(columns, widths, strict=True):
        table.add_column(column, overflow="fold", width=width)
    for row in cells:
        table.add_row(*row)
    console.print(table)


def print_fields(fields: Iterable[tuple[str, str]]) -> None:
    """Print names and values below each other; a value of several lines stays in its column.

    A terminal shows the Markdown of a Prose.
    """
    from rich.text import Text

    console = _console()
    lines = [(escape(name), value) for name, value in fields]
    width = max([_NAME_WIDTH, *(len(name) + 2 for name, _ in lines)])
    for name, value in lines:
        if isinstance(value, Prose) and console.is_terminal:
            _print_prose(console, Text(name, "bold"), value, width)
            continue
        first, *more = value.split("\n")
        print_line(Text.assemble((f"{name:<{width}}", "bold"), escape(first)), indent=width)
        for line in more:
            print_line(Text(" " * width + escape(line)), indent=width)


def _print_prose(console: "Console", name: "Text", value: Prose, width: int) -> None:
    from rich.table import Table

    from tavus_callbacks_cli.output.markdown import SafeMarkdown

    grid = Table.grid()
    grid.add_column(width=width)
    grid.add_column(overflow="fold")
    grid.add_row(name, SafeMarkdown(value))
    console.print(grid)


def progress_bar(*columns: "ProgressColumn", transient: bool = False) -> "Progress":
    """Return a progress bar on standard error; it stays hidden where that is not a terminal, as in a log.

    Without columns it shows a description, a bar, and how many of how many are done.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    console = Console(stderr=True)
    columns = columns or (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, console=console, transient=transient, disable=not console.is_terminal)


def _console() -> "Console":
    from rich.console import Console

    _make_output_safe()
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _PIPED_WIDTH
    return console


def _make_output_safe() -> None:
    # A terminal that is not UTF-8 shows an escape for what it cannot show, instead of a traceback.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
