"""Text that fits a narrow terminal: wrapped at words, with ids and times in one piece.

A piece that is longer than the terminal is printed whole: text that a terminal wraps itself is copied whole.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import compress

from rich.cells import cell_len
from rich.text import Text

# The endings of the names of columns whose cells people copy.
_COPIED = ("id", "conversation", "subject", "next")
_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")

# A longer word of a cell may be broken. Columns are this far apart.
_LONGEST_WORD, _GAP = 30, 2

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


def drop_empty_columns(columns: Sequence[str], rows: Sequence[Row]) -> tuple[list[str], list[list[Text]]]:
    """Return columns and rows without the columns that are empty in all rows."""
    used = [n for n in range(len(columns)) if not rows or any(row[n].plain for row in rows)]
    return [columns[n] for n in used], [[row[n] for n in used] for row in rows]


def column_widths(columns: Sequence[str], rows: Sequence[Row], width: int) -> list[int] | None:
    """Return how wide the columns can be, or None if there is no room even for their longest words."""
    cells = [[Text(name), *(row[n] for row in rows)] for n, name in enumerate(columns)]
    longest = [max(cell.cell_len for cell in column) for column in cells]
    words = [(word for cell in column for word in cell.plain.split()) for column in cells]
    least = [
        wanted if is_whole else min(max(map(cell_len, column), default=0), _LONGEST_WORD)
        for wanted, is_whole, column in zip(longest, _are_whole(columns, rows), words, strict=True)
    ]
    spare = width - sum(least) - _GAP * (len(columns) - 1)
    for n, wanted in enumerate(longest):
        more = min(wanted - least[n], max(spare, 0))
        least[n], spare = least[n] + more, spare - more
    return least if spare >= 0 else None


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
