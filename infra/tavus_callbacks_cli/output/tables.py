"""What is to be read on a terminal that is narrower: folded at words, ids and times in one piece.

A piece that is longer than the terminal is left to it: what a terminal folds by itself is copied whole.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import compress

from rich.cells import cell_len
from rich.text import Text

# How the head of a column ends whose cells people copy.
_COPIED = ("id", "conversation", "subject", "next")
_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")

# A longer word of a cell may be broken, cells of columns stand this far apart.
_LONGEST_WORD, _GAP = 30, 2

_INDENT = 2

# Stands for a blank within what stays in one piece; only for the search of places to fold at.
_GLUE = "\u00a0"
_PIECE = re.compile("[ \t]*[^ \t]+[ \t]*")

Row = Sequence[Text]


def folded(line: Text, width: int, *, indent: int = 0, units: Sequence[str] = ()) -> Iterator[Text]:
    """Yield a line in lines of at most `width` cells, those after the first indented.

    `units` are parts of it that stay in one piece, as times do.
    """
    glued = _glued(line.plain, units)
    first, *more = line.divide(list(_breaks(glued, width, indent)))
    yield first if not more else _stripped(first)
    yield from (Text.assemble(" " * indent, _stripped(one)) for one in more)


def _glued(text: str, units: Sequence[str]) -> str:
    # The longest first: a shorter one may stand within it.
    for unit in sorted((*units, *_TIME.findall(text)), key=len, reverse=True):
        text = text.replace(unit, unit.replace(" ", _GLUE))
    return text


def _breaks(text: str, width: int, indent: int) -> Iterator[int]:
    used = 0
    for piece in _PIECE.finditer(text):
        # What is longer than a line of its own stays behind what names it.
        if used > indent and used + cell_len(piece[0].rstrip()) > width:
            yield piece.start()
            used = indent
        used += cell_len(piece[0])


def _stripped(line: Text) -> Text:
    line.rstrip()
    return line


def with_content(columns: Sequence[str], rows: Sequence[Row]) -> tuple[list[str], list[list[Text]]]:
    """Leave out the columns that are empty in all rows."""
    used = [n for n in range(len(columns)) if not rows or any(row[n].plain for row in rows)]
    return [columns[n] for n in used], [[row[n] for n in used] for row in rows]


def widths(columns: Sequence[str], rows: Sequence[Row], width: int) -> list[int] | None:
    """Return how wide the columns of a table can be, or None where not even their longest words have room."""
    cells = [[Text(name), *(row[n] for row in rows)] for n, name in enumerate(columns)]
    longest = [max(cell.cell_len for cell in column) for column in cells]
    found = [
        wanted if is_whole else max(map(_longest_word, column))
        for wanted, is_whole, column in zip(longest, _are_whole(columns, rows), cells, strict=True)
    ]
    spare = width - sum(found) - _GAP * (len(columns) - 1)
    for n, wanted in enumerate(longest):
        more = min(wanted - found[n], max(spare, 0))
        found[n], spare = found[n] + more, spare - more
    return found if spare >= 0 else None


def _longest_word(cell: Text) -> int:
    return min(max(map(cell_len, cell.plain.split()), default=0), _LONGEST_WORD)


def _are_whole(columns: Sequence[str], rows: Sequence[Row]) -> list[bool]:
    """Tell of each column whether its cells must not be broken: ids, times, and commands."""
    return [
        column.endswith(_COPIED) or any(_TIME.match(row[n].plain) for row in rows)
        for n, column in enumerate(columns)
    ]


def paragraphs(columns: Sequence[str], rows: Sequence[Row], width: int) -> Iterator[Text]:
    """Yield the lines of a paragraph a row: its first cell, then each other that is not empty, by name."""
    whole = _are_whole(columns, rows)
    for row in rows:
        told = [n for n in range(1, len(row)) if row[n].plain]
        parts = [
            Text.assemble((f"{columns[n]} ", "dim"), row[n], (" ·" if n != told[-1] else "", "dim"))
            for n in told
        ]
        line = Text(" ").join((Text.assemble(row[0], " "), *parts))
        is_unit = [whole[n] or part.cell_len <= width - _INDENT for n, part in zip(told, parts, strict=True)]
        units = [part.plain for part in compress(parts, is_unit)]
        yield from folded(line, width, indent=_INDENT, units=units)
