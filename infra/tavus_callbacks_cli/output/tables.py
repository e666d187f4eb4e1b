"""Text that fits a narrow terminal: wrapped at words, with ids and times in one piece.

A piece that is longer than the terminal is printed whole: text that a terminal wraps itself is copied whole.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import compress

from rich.cells import cell_len
from rich.text import Text

# The endings of the names of columns whose cells people copy.
_COPIED = ("id", "conversation", "subject", "next")
_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d|\d\d-\d\d \d\d:\d\d:\d\d")
# A cell that is a time: with its zone if the times of a table differ in it, and with a mark.
_YEAR = re.compile(r"(\d{4})-(?=\d\d-\d\d \d\d:\d\d:\d\d(?: [A-Z0-9+-]+)?(?: \*)?$)")

# The columns whose cells a narrow terminal cuts, and how much room each has at least.
_CUT = {"tags": 12, "label": 12, "event": 36, "event type": 36}

# A longer word of a cell may be broken. Columns are this far apart.
_LONGEST_WORD, _GAP = 30, 2

# A cell without a value.
_EMPTY = ("", "-")

_INDENT = 2

# Replaces a blank within one piece while the places to wrap at are searched.
_GLUE = "\u00a0"
_PIECE = re.compile("[ \t]*[^ \t]+[ \t]*")

Row = Sequence[Text]


def wrap(line: Text, width: int, *, indent: int = 0, units: Sequence[str] = ()) -> Iterator[Text]:
    """Yield a line as lines of at most `width` cells; all but the first are indented.

    `units` are parts of it that stay in one piece, as times do.
    """
    text = line.plain
    # The longest first: a shorter one may stand within it.
    for unit in sorted((*units, *_TIME.findall(text)), key=len, reverse=True):
        text = text.replace(unit, unit.replace(" ", _GLUE))
    first, *more = line.divide(list(_breaks(text, width, indent)))
    if more:
        first.rstrip()
    yield first
    for part in more:
        part.rstrip()
        yield Text.assemble(" " * indent, part)


def _breaks(text: str, width: int, indent: int) -> Iterator[int]:
    used = 0
    for piece in _PIECE.finditer(text):
        # A piece that is longer than a whole line stays on the line of its name.
        if used > indent and used + cell_len(piece[0].rstrip()) > width:
            yield piece.start()
            used = indent
        used += cell_len(piece[0])


@dataclass(frozen=True, slots=True)
class Table:
    """The columns and rows to show; `same` are the columns that say the same in every row."""

    columns: list[str]
    rows: list[list[Text]]
    same: tuple[tuple[str, str], ...] = ()

    def take(self, numbers: Sequence[int]) -> "Table":
        """Return the table with some of its columns."""
        columns = [self.columns[n] for n in numbers]
        return Table(columns, [[row[n] for n in numbers] for row in self.rows], self.same)


def shorten(table: Table) -> Table:
    """Return a table without the current year, empty columns, and columns with one value in every row.

    The first column and columns of ids stay, because each row needs a name.
    """
    year = f"{datetime.now().astimezone():%Y}"
    rows = [[_without_year(cell, year) for cell in row] for row in table.rows]
    same, stay = [], []
    for n, column in enumerate(table.columns):
        values = {row[n].plain for row in rows}
        if values <= {*_EMPTY}:
            continue
        if n and len(rows) > 1 and len(values) == 1 and not column.endswith(_COPIED):
            same.append((column, values.pop()))
        else:
            stay.append(n)
    return Table(table.columns, rows, tuple(same)).take(stay)


def _without_year(cell: Text, year: str) -> Text:
    match = _YEAR.match(cell.plain)
    return cell[match.end() :] if match and match[1] == year else cell


def fit(table: Table, width: int, optional: Sequence[str]) -> tuple[Table, list[int] | None, list[str]]:
    """Return a table that fits, its widths, and which of its optional columns had no room.

    The first of the optional columns goes first. The widths are None if there is no room even for the longest
    words: then the table keeps all its columns.
    """
    narrower, dropped = table, []
    widths = column_widths(table.columns, table.rows, width)
    for column in optional:
        if widths is not None:
            break
        # A time column's name ends with its zone.
        stay = [n for n, name in enumerate(narrower.columns) if name.partition(" (")[0] != column]
        if len(stay) < len(narrower.columns):
            narrower = narrower.take(stay)
            dropped.append(column)
            widths = column_widths(narrower.columns, narrower.rows, width)
    return (table, None, []) if widths is None else (narrower, widths, dropped)


def column_widths(columns: Sequence[str], rows: Sequence[Row], width: int) -> list[int] | None:
    """Return how wide the columns can be, or None if there is no room even for their longest words."""
    cells = [[row[n] for row in rows] for n in range(len(columns))]
    longest = [
        max(cell_len(name), *(cell.cell_len for cell in column))
        for name, column in zip(columns, cells, strict=True)
    ]
    whole = _are_whole(columns, rows)
    widths = [
        max(_longest_word(columns[n]), _least_width(columns[n], cells[n], is_whole=whole[n]))
        for n in range(len(columns))
    ]
    spare = width - sum(widths) - _GAP * (len(columns) - 1)
    # Columns that can be cut get the room that the others leave.
    for n in sorted(range(len(columns)), key=lambda n: columns[n] in _CUT):
        more = min(longest[n] - widths[n], max(spare, 0))
        widths[n], spare = widths[n] + more, spare - more
    return widths if spare >= 0 else None


def _least_width(column: str, cells: Sequence[Text], *, is_whole: bool) -> int:
    longest = max(cell.cell_len for cell in cells)
    if is_whole:
        return longest
    if column in _CUT:
        return min(longest, _CUT[column])
    return min(max(_longest_word(cell.plain) for cell in cells), _LONGEST_WORD)


def _longest_word(text: str) -> int:
    return max(map(cell_len, text.split()), default=0)


def cut(columns: Sequence[str], rows: Sequence[Row], widths: Sequence[int]) -> None:
    """Cut the cells that may be cut and are wider than their columns."""
    for row in rows:
        for column, cell, width in zip(columns, row, widths, strict=True):
            if column in _CUT:
                cell.truncate(width, overflow="ellipsis")


def _are_whole(columns: Sequence[str], rows: Sequence[Row]) -> list[bool]:
    """Return for each column whether its cells must not be broken: ids, times and commands."""
    return [
        column.endswith(_COPIED) or any(_TIME.match(row[n].plain) for row in rows)
        for n, column in enumerate(columns)
    ]


def paragraphs(columns: Sequence[str], rows: Sequence[Row], width: int) -> Iterator[Text]:
    """Yield each row as a paragraph: its first cell, then every other cell with text, by name."""
    whole = _are_whole(columns, rows)
    for row in rows:
        used = [n for n in range(1, len(row)) if row[n].plain]
        parts = [
            Text.assemble((f"{columns[n]} ", "dim"), row[n], (" ·" if n != used[-1] else "", "dim"))
            for n in used
        ]
        line = Text(" ").join((Text.assemble(row[0], " "), *parts))
        is_unit = [whole[n] or part.cell_len <= width - _INDENT for n, part in zip(used, parts, strict=True)]
        units = [part.plain for part in compress(parts, is_unit)]
        yield from wrap(line, width, indent=_INDENT, units=units)
