"""Sums as CSV."""

import csv
from collections.abc import Mapping, Sequence
from io import StringIO
from typing import Any

from tavus_callbacks.domain.summaries.sums import sums
from tavus_callbacks_cli.output.text import escape

# Spreadsheets read a text that begins so as a formula.
_FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def csv_text(grouped: Sequence[Mapping[str, Any]]) -> str:
    """Return groups as CSV, none of whose names a spreadsheet reads as a formula."""
    text = StringIO()
    writer = csv.DictWriter(text, ["group", *sums([])], lineterminator="\n")
    writer.writeheader()
    for group in grouped:
        name = escape(group["group"])
        writer.writerow({**group, "group": f"'{name}" if name.startswith(_FORMULAS) else name})
    return text.getvalue()
