"""Text that fits a narrow terminal: wrapped at words, with ids and times in one piece.

A piece that is longer than the terminal is printed whole: text that a terminal wraps itself is copied whole.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product

from rich.cells import cell_len
from rich.table import Table as Grid
from rich.text import Text

# The endings of the names of columns whose cells people copy.
_COPIED = ("id", "conversation", "subject", "next")
_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d|\d\d-\d\d \d\d:\d\d:\d\d")

# The columns whose cells a narrow terminal cuts, and how much room each has at least.
_CUTS = {"tags": 12, "label": 12, "event": 36, "event type": 36}

# A longer word, and on a narrow terminal a longer id, gets a line of its own. Columns are two cells apart.
# The short id of an event has up to 26 characters: a letter, 16 digits, a colon and 8 digits.
_LONGEST_WORD, _LONGEST_ID, _GAP = 30, 26, 2

# A cell without a value.
_EMPTY = ("", "-")

_INDENT = 2

# Replaces a blank within one piece while the places to wrap at are searched.
_GLUE = "\u00a0"
_PIECE = re.compile("[ \t]*[^ \t]+[ \t]*")


def wrap(line: Text, width: int, *, indent: int = 0, units: Sequence[str] = ()) -> Iterator[Text]:
    """Yield a line as lines of at most `width` cells; all but the first are indented.

    `units` are parts of it that stay in one piece, as times do.
    """
    text = line.plain
    # The longest first: a longer one may contain a shorter one.
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
    """The columns and rows to show; `same` are the columns that say the same in every row.

    `cuts` are the columns whose cells may be cut, and how much room each has at least.
    """

    columns: list[str]
    rows: list[list[Text]]
    same: tuple[tuple[str, str], ...] = ()
    cuts: Mapping[str, int] = field(default_factory=dict)

    def take(self, numbers: Sequence[int]) -> "Table":
        """Return the table with some of its columns."""
        columns = [self.columns[n] for n in numbers]
        return replace(self, columns=columns, rows=[[row[n] for n in numbers] for row in self.rows])


def shorten(table: Table) -> Table:
    """Return a table without empty columns and columns with one value in every row.

    The first column and columns of ids stay, because each row needs a name.
    """
    same, stay = [], []
    for n, column in enumerate(table.columns):
        values = {row[n].plain for row in table.rows}
        if values <= {*_EMPTY}:
            continue
        if n and len(table.rows) > 1 and len(values) == 1 and not column.endswith(_COPIED):
            same.append((column, values.pop()))
        else:
            stay.append(n)
    return replace(table, same=tuple(same), cuts=_CUTS).take(stay)


def fit(table: Table, width: int, optional: Sequence[str]) -> tuple[Table, list[int], list[str]]:
    """Return a table that fits, its widths, and which of its optional columns had no room.

    The first of the optional columns goes first. If that is not enough, long ids go on lines of their own,
    and then the columns with the longest cells do: their width is 0.
    """
    narrower, widths = table, [0] * len(table.columns)
    dropped: list[str] = []
    for longest_id, moved in ((width, 0), *product([_LONGEST_ID], range(len(table.columns)))):
        narrower, dropped = table, []
        for column in (None, *optional):
            # A time column's name ends with its zone.
            stay = [n for n, name in enumerate(narrower.columns) if name.partition(" (")[0] != column]
            if column and len(stay) < len(narrower.columns):
                narrower = narrower.take(stay)
                dropped.append(column)
            widths = _column_widths(narrower, width, longest_id, moved)
            if _total(widths) <= width:
                return narrower, widths, dropped
    return narrower, widths, dropped


def _total(widths: Sequence[int]) -> int:
    return sum(width + _GAP for width in widths if width) - _GAP


def _column_widths(table: Table, width: int, longest_id: int, moved: int) -> list[int]:
    """Return how wide the columns are, so that they fit or have room for their longest words only.

    `moved` is how many columns go below their rows.
    """
    columns, whole = table.columns, _are_whole(table)
    cells = [[row[n] for row in table.rows] for n in range(len(columns))]
    longest = [max(cell.cell_len for cell in column) for column in cells]
    # Columns that can be cut stay.
    by_length = sorted(range(1, len(columns)), key=lambda n: (columns[n] not in table.cuts, longest[n]))
    inside = {0, *by_length[: max(len(columns) - 1 - moved, 0)]}
    widths = [0] * len(columns)
    for n in inside:
        if whole[n]:
            shorter = [cell.cell_len for cell in cells[n] if cell.cell_len <= longest_id]
            widths[n] = longest[n] = max(cell_len(columns[n]), *shorter, 0)
        else:
            widths[n] = max(_longest_word(columns[n]), _least_width(cells[n], table.cuts.get(columns[n])))
    spare = max(width - _total(widths), 0)
    # Columns that can be cut get the room that the others leave.
    for n in sorted(inside, key=lambda n: (columns[n] in table.cuts, n)):
        more = min(max(cell_len(columns[n]), longest[n]) - widths[n], spare)
        widths[n], spare = widths[n] + more, spare - more
    return widths


def _least_width(cells: Sequence[Text], cut: int | None) -> int:
    if cut is not None:
        return min(max(cell.cell_len for cell in cells), cut)
    return min(max(_longest_word(cell.plain) for cell in cells), _LONGEST_WORD)


def _longest_word(text: str) -> int:
    return max(map(cell_len, text.split()), default=0)


def lay_out(table: Table, widths: Sequence[int], width: int) -> Iterator[Grid | Text]:
    """Yield the table in columns. A cell with an id or word that is too long gets lines of its own.

    Those of the first column are above the rest of their row, others below it. The name of their column
    comes first, except before ids.
    """
    whole = _are_whole(table)
    inside = [n for n, width in enumerate(widths) if width]
    grid = _grid([(table.columns[n], widths[n]) for n in inside], has_header=True)
    for row in table.rows:
        _cut(table, row, widths)
        words = (cell.cell_len if whole[n] else _longest_word(cell.plain) for n, cell in enumerate(row))
        outside = [n for n, word in enumerate(words) if word > widths[n] and row[n].plain not in _EMPTY]
        if 0 in outside:
            yield grid
            yield row[0]
            grid = _grid([(table.columns[n], widths[n]) for n in inside])
        grid.add_row(*("" if n in outside else row[n] for n in inside))
        if below := [n for n in outside if n]:
            yield grid
            for n in below:
                name = "" if table.columns[n].endswith(_COPIED) else f"{table.columns[n]} "
                line = Text.assemble(" " * _INDENT, (name, "dim"), row[n])
                yield from wrap(line, width, indent=_INDENT, units=[row[n].plain] if whole[n] else ())
            grid = _grid([(table.columns[n], widths[n]) for n in inside])
    yield grid


def _grid(columns: Sequence[tuple[str, int]], *, has_header: bool = False) -> Grid:
    grid = Grid(box=None, pad_edge=False, header_style="bold", show_header=has_header)
    for column, width in columns:
        grid.add_column(column, width=width)
    return grid


def _cut(table: Table, row: Sequence[Text], widths: Sequence[int]) -> None:
    """Cut the cells that may be cut and are wider than their columns."""
    for column, cell, width in zip(table.columns, row, widths, strict=True):
        if width and column in table.cuts:
            cell.truncate(width, overflow="ellipsis")


def _are_whole(table: Table) -> list[bool]:
    """Return for each column whether its cells must not be broken: ids, times and commands."""
    return [
        column.endswith(_COPIED) or any(_TIME.match(row[n].plain) for row in table.rows)
        for n, column in enumerate(table.columns)
    ]
