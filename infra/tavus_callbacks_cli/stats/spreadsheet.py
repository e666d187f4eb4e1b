"""Sums as CSV."""

import csv
from collections.abc import Mapping, Sequence
from io import SEEK_END, StringIO
from typing import Any

from tavus_callbacks.domain.summaries.sums import sums
from tavus_callbacks_cli.output.text import escape

# Spreadsheets read a text that begins so as a formula.
_FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def csv_text(grouped: Sequence[Mapping[str, Any]]) -> str:
    """Return groups as CSV, none of whose names a spreadsheet reads as a formula."""
    names = ["group", *sums([])]
    text = StringIO(f"{','.join(names)}\n")
    text.seek(0, SEEK_END)
    # Quoted, a name stays whole where a spreadsheet separates at semicolons.
    writer = csv.DictWriter(text, names, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    for group in grouped:
        name = escape(group["group"])
        writer.writerow({**group, "group": f"'{name}" if name.startswith(_FORMULAS) else name})
    return text.getvalue()
