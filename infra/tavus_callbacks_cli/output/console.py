"""Printing for people and programs: strangers' text is escaped and never read as markup.

Answers go to standard output. Notes about them (target, advice) go to standard error. Only terminals get
colour.
"""

import io
import os
import re
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

import click

from tavus_callbacks_cli.output.text import Prose, Short, escape, json_text

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, ProgressColumn
    from rich.text import Text

# Wider than any row: piped output is for programs, so nothing is wrapped.
_PIPED_WIDTH = 1_000_000

# The width of a terminal that does not report it.
_UNKNOWN_WIDTH = 80

_NAME_WIDTH = 12

# Seconds after which a person wonders whether anything happens.
_SLOW = 2.0

# Set in click's context by --wide.
WIDE = "tavus_callbacks_cli.wide"

# A command in a sentence, or one that ends a line.
_COMMAND = re.compile(r"(`[^`]+`\S*)|(?:^ *|: )((?:tavus-callbacks|curl|aws) .+)$")

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


def print_lines(lines: Iterable[str]) -> None:
    """Print lines escaped; a terminal wraps them at words, commands in one piece."""
    _make_output_safe()
    for line in lines:
        for part in _wrap_line(escape(line), _width(sys.stdout)):
            click.echo(part)


def print_file(text: str) -> None:
    """Print the content of a file as it is, except for control characters."""
    _make_output_safe()
    click.echo(_CONTROL.sub(lambda match: repr(match[0])[1:-1], text), nl=False)


def note(text: str) -> None:
    """Print a note about the answer to standard error, dim; a terminal wraps it at words."""
    for line in wrap_message(escape(text)).split("\n"):
        click.secho(line, err=True, dim=True)


@contextmanager
def note_if_slow(text: str) -> Iterator[None]:
    """Print a note if the block takes longer than two seconds."""
    timer = threading.Timer(_SLOW, note, [text])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def note_more(limit: int) -> None:
    """Note that `--limit` left something out."""
    note(f"There are more. --limit {limit * 10} shows up to {limit * 10}.")


def wrap_message(text: str, prefix: str = "") -> str:
    """Return a text for standard error, wrapped at words if that is a terminal, commands in one piece.

    `prefix` comes before its first line.
    """
    width = _width(sys.stderr)
    lines = [part for line in f"{prefix}{text}".split("\n") for part in _wrap_line(line, width)]
    # A break after the prefix takes the place of its blank.
    return "\n".join(lines)[len(prefix.rstrip()) :].removeprefix(" " if prefix else "")


def _width(stream: TextIO) -> int:
    """Return how wide a terminal is, 0 for anything else."""
    try:
        return os.get_terminal_size(stream.fileno()).columns
    except OSError:
        return 0


def _wrap_line(line: str, width: int) -> list[str]:
    # Most lines fit, and rich takes a while to load. A letter takes at most two cells.
    if not width or len(line) <= width // 2 or (line.isascii() and len(line) <= width):
        return [line]
    from rich.text import Text

    from tavus_callbacks_cli.output.tables import wrap

    indent = len(line) - len(line.lstrip())
    units = [match[1] or match[2] for match in _COMMAND.finditer(line)]
    return [part.plain for part in wrap(Text(line), width, indent=indent and indent + 2, units=units)]


def print_line(line: "Text", *, indent: int | None = None, units: Sequence[str] = ()) -> None:
    """Print one line to standard output, even if it is longer than the terminal is wide.

    With an indent, a terminal wraps it at words and indents the lines that follow. `units` are parts of the
    line that stay in one piece.
    """
    from tavus_callbacks_cli.output.tables import wrap

    console = _console()
    for part in [line] if indent is None else wrap(line, console.width, indent=indent, units=units):
        console.print(part, soft_wrap=True)


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence["str | Text | Short"]], *, optional: Sequence[str] = ()
) -> None:
    """Print rows under their column names, or nothing if there are no rows.

    A terminal shows short forms, leaves out columns that are empty or say the same in every row, and wraps or
    cuts long cells. If the rest does not fit, `optional` columns go, the first one first; then long
    ids, and then the longest cells, get lines of their own. With --wide, and in a pipe, every column and
    value is shown.
    """
    from rich.text import Text

    from tavus_callbacks_cli.output import tables

    console = _console()
    is_short = console.is_terminal and not _is_wide()
    table = tables.Table(list(columns), [[_cell(cell, is_short=is_short) for cell in row] for row in rows])
    if not table.rows:
        return
    if is_short:
        table = tables.shorten(table)
    fitting, widths, dropped = tables.fit(table, console.width, optional if is_short else ())
    for part in tables.lay_out(fitting, widths, console.width):
        console.print(part, soft_wrap=isinstance(part, Text))
    _note_left_out(table.same, dropped)


def _is_wide() -> bool:
    context = click.get_current_context(silent=True)
    return context is not None and WIDE in context.meta


def _cell(cell: "str | Text | Short", *, is_short: bool) -> "Text":
    from rich.text import Text

    if isinstance(cell, Text):
        return cell
    if isinstance(cell, Short):
        cell = cell.short if is_short else cell.whole
    return Text(escape(cell))


def _note_left_out(same: Sequence[tuple[str, str]], dropped: Sequence[str]) -> None:
    """Say which columns a terminal does not show."""
    if same:
        note(f"In every row: {'; '.join(f'{column} {value}' for column, value in same)}.")
    if dropped:
        note(f"Not shown for lack of room: {', '.join(dropped)}. --wide shows every column.")


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
    """Print the Markdown of a value beside its name, without the blank line that a list begins with."""
    from rich.text import Text

    from tavus_callbacks_cli.output.markdown import SafeMarkdown

    options = console.options.update(width=max(console.width - width, 1))
    lines = [
        Text.assemble(*((part.text, part.style or "") for part in line))
        for line in console.render_lines(SafeMarkdown(value), options, pad=False)
    ]
    while lines and not lines[0].plain.strip():
        del lines[0]
    for number, line in enumerate(lines):
        head = Text("") if number else name.copy()
        head.pad_right(width - head.cell_len)
        whole = Text.assemble(head, line)
        whole.rstrip()
        print_line(whole)


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
    elif not console.width:
        # COLUMNS=0 would hide every row.
        console.width = _UNKNOWN_WIDTH
    return console


def _make_output_safe() -> None:
    # A terminal that is not UTF-8 shows an escape for what it cannot show, instead of a traceback.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
