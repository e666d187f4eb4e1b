"""Reading Tavus's whole list of conversations while it changes.

The list promises no order and has no filter by date (docs/tavus.md, "Tavus's API"). A row that
arrives or vanishes between two pages moves the rows behind it across the page boundary:

    page 1    a b c d │ e f g h │         shows a b c d
    b vanishes
    page 2    a c d e │ f g h │           shows f g h, and e is missed

So the list is read in passes, each from page 1 to the first empty page, until a pass confirms the earlier
ones. Such a pass shows no conversation that they missed, and as many conversations as `total_count` says. A
conversation that was made after the last pass was not missed. Without a `total_count`, two passes that agree
are the only evidence.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tavus_callbacks.domain.repair.tavus_record import TavusRecord
    from tavus_callbacks.outbound.tavus_api import ListPage, TavusApi

# A pass needs another one to confirm it, and two more repair a list that moved.
MOST_PASSES = 4
# A list that shifts repeats a page or two. A server that ignores `page` repeats the same one for ever.
_MOST_REPEATS = 5


@dataclass(slots=True)
class _Pass:
    """One reading from the first page to the last."""

    records: "dict[str, TavusRecord]" = field(default_factory=dict)
    totals: list[int] = field(default_factory=list)
    unreadable: int = 0
    has_end: bool = False

    def read(self, api: "TavusApi") -> Iterator["ListPage"]:
        """Yield each page, up to the first empty one or to the last of many that show nothing new."""
        repeats = 0
        for number in count(1):
            page = api.conversations_page(number)
            before = len(self.records)
            self.records |= {record.conversation_id: record for record in page.records}
            self.totals += [] if page.total_count is None else [page.total_count]
            self.unreadable += page.unreadable
            self.has_end = page.is_empty
            yield page
            repeats = repeats + 1 if len(self.records) == before else 0
            if self.has_end or repeats >= _MOST_REPEATS:
                return

    def doubt(self, before: "Mapping[str, TavusRecord]") -> str | None:
        """Return why the list may be incomplete; `before` holds the records of the earlier passes."""
        if self.unreadable:
            return f"Tavus's list has rows without a conversation_id ({self.unreadable})."
        # Rows may arrive or vanish during the pass, so any number between two totals is right.
        if self.totals and not min(self.totals) <= len(self.records) <= max(self.totals):
            return f"Tavus counts {self.totals[-1]} conversations, but its pages show {len(self.records)}."
        if not self.totals and not self.has_end:
            return "Tavus's list repeats itself and has no total_count."
        # Records that are newer than all of the earlier passes have arrived since.
        newest = max((record.created_at for record in before.values() if record.created_at), default=None)
        added = [record.created_at for name, record in self.records.items() if name not in before]
        if missed := sum(newest is None or made is None or made <= newest for made in added):
            return f"Tavus's list moves: its pages show {missed} conversations that they did not show before."
        return None


@dataclass(slots=True)
class Listing:
    """The conversations of Tavus's list, in the order in which they were found.

    `doubt` is a sentence that says why conversations may be missing; None means that the list is complete.
    """

    records: "dict[str, TavusRecord]" = field(default_factory=dict)
    total_count: int | None = None
    passes: int = 0
    doubt: str | None = "The list has not been read."

    def as_json(self) -> dict[str, Any]:
        """Return it for programs, without the records."""
        return {
            "complete": self.doubt is None,
            "conversations": len(self.records),
            "total_count": self.total_count,
            "passes": self.passes,
            "doubt": self.doubt,
        }

    def read(self, api: "TavusApi") -> Iterator["ListPage"]:
        """Read pass after pass until one confirms the list, and yield each page; raises TavusError."""
        while self.doubt and self.passes < MOST_PASSES:
            before, latest = dict(self.records), _Pass()
            for page in latest.read(api):
                self.records |= latest.records
                self.total_count = page.total_count
                yield page
            self.doubt = latest.doubt(before)
            self.passes += 1
