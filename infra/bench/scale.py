"""Finds hot partitions: runs the code that builds keys with the ids and times of many callbacks.

The items that `EventsTable.keep` puts are caught before DynamoDB; only their keys and sizes count. An item
takes 40 µs, so 10 million at two rates take half an hour of CPU. A million shows the same shares, but has
fewer seconds among which to find the hottest. It writes docs/scale.md. To run it:

PYTHONPATH=infra .venv/bin/python -m bench.scale [--callbacks N]
"""

import argparse
import hashlib
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

from bench.events import catching_table
from bench.packages import ROOT
from tavus_callbacks.aws.stores.keys import ENTRY_PREFIX, entry_shards, partition, shard
from tavus_callbacks.domain.callbacks.event import Event
from tavus_callbacks.domain.common.compression import pack
from tavus_callbacks.domain.summaries import summary
from tavus_callbacks.domain.summaries.terms import Term, tag_term, term_digest

DOCUMENT = ROOT / "docs" / "scale.md"
RATES = (1_000, 10_000)
# The write units a second of one partition; a new on-demand table has four times that.
PARTITION, NEW_TABLE = 1_000, 4_000
_KILOBYTE = 1024
# The callbacks of a conversation with a recording: event type, and stored bytes of the body.
_CONVERSATION = (
    ("system.replica_joined", 250),
    ("system.shutdown", 280),
    ("application.recording_ready", 330),
    ("application.transcription_ready", 2_500),
    ("application.perception_analysis", 1_200),
)
# The number of videos in a hundred subjects, each with one callback; the others are conversations.
_VIDEOS = 3
# Every subject of a kind has all of its terms: the worst case for the entries of a tag and a replica.
_TAG = ("user", "4711")
_TERMS: dict[str, tuple[Term, ...]] = {
    "conversation": (tag_term(_TAG), ("replica", "r1")),
    "video": (tag_term(_TAG),),
}
# With deflated facts, a summary is below a kilobyte; every event writes it.
_SUMMARY_UNITS = 1


@dataclass(slots=True)
class Heat:
    """Write units by partition key: the total, and those of the hottest key in its hottest second."""

    total: Counter[str] = field(default_factory=Counter)
    hottest: float = 0.0

    def second(self, units: Counter[str]) -> None:
        """Add a second's writes."""
        self.total.update(units)
        self.hottest = max(self.hottest, max(units.values(), default=0))


@dataclass(frozen=True, slots=True)
class Simulation:
    """The write units of the table and its two indexes at a rate of callbacks a second."""

    rate: int
    seconds: int
    events: Heat
    receipts: Heat
    listing: Heat

    def units(self, *heats: Heat) -> float:
        """Return the write units of a callback in some of these."""
        return sum(heat.total.total() for heat in heats) / (self.rate * self.seconds)


def simulate(rate: int, callbacks: int, chance: random.Random) -> Simulation:
    """Send callbacks at a rate, second by second."""
    events, by_receipt, listing = Heat(), Heat(), Heat()
    seconds = max(1, callbacks // rate)
    source = items(chance, rate)
    for _ in range(seconds):
        second = list(islice(source, rate))
        events.second(_tally((item["pk"]["S"], _table_units(item)) for item in second))
        by_receipt.second(_tally((item["receipt_shard"]["S"], 1) for item in second))
        listing.second(
            _tally((key, 1) for item in second if _is_first(item) for key in _listing_shards(item))
        )
    return Simulation(rate, seconds, events, by_receipt, listing)


def _tally(units: Iterator[tuple[str, int]]) -> Counter[str]:
    counter: Counter[str] = Counter()
    for key, number in units:
        counter[key] += number
    return counter


def items(chance: random.Random, rate: int) -> Iterator[dict[str, Any]]:
    """Yield the items that the events table writes; callbacks of a subject follow each other."""
    table, writes = catching_table()
    at = datetime(2026, 11, 20, tzinfo=UTC)
    while True:
        for event in _subject(chance, at):
            table.keep(event, kept_at=at)
            at += timedelta(seconds=1 / rate)
        yield from writes.items
        writes.items.clear()


def _subject(chance: random.Random, at: datetime) -> Iterator[Event]:
    name = f"{chance.getrandbits(64):016x}"
    if chance.randrange(100) < _VIDEOS:
        yield _event("video", f"v{name}", "video.ready", 400, at)
        return
    for event_type, size in _CONVERSATION:
        yield _event("conversation", f"c{name}", event_type, size, at)


def _event(kind: str, subject: str, event_type: str, size: int, at: datetime) -> Event:
    digest = hashlib.sha256(f"{subject}{event_type}".encode()).hexdigest()[:32]
    moment = int(at.timestamp() * 1_000_000)
    # Random text does not deflate: only the stored bytes count.
    text = random.Random(size).randbytes(size * 3 // 4).hex()[:size]  # noqa: S311 - no secret
    return Event(
        kind,
        kind,
        subject,
        event_type,
        at,
        at,
        "prod",
        dict([_TAG]),
        (),
        text,
        pack(text.encode()),
        digest,
        f"{moment:020}-{digest}",
    )


def _units(item: dict[str, Any]) -> int:
    """Return the write units of an item; values that are neither strings nor bytes take about 40 bytes."""
    texts = ((name, value.get("S") or value.get("B") or "") for name, value in item.items())
    return -(-(sum(len(name) + len(text) for name, text in texts) + 40) // _KILOBYTE)


def _table_units(item: dict[str, Any]) -> int:
    """Return the write units of an event, its summary, and index entries, which are put once a subject."""
    entries = len(_TERMS[item["kind"]["S"]]) if _is_first(item) else 0
    return _units(item) + _SUMMARY_UNITS + entries


def _is_first(item: dict[str, Any]) -> bool:
    """Tell whether an event is the first of its subject, which adds the summary to the listing."""
    return item["event_type"]["S"] in ("system.replica_joined", "video.ready")


def _listing_shards(item: dict[str, Any]) -> list[str]:
    """Return the keys of the index under which a subject is listed: by its kind, and by each term."""
    kind, name = item["kind"]["S"], partition(item["kind"]["S"], item["subject"]["S"])
    lists = [summary.shards(kind), *map(entry_shards, _digests(kind))]
    return [shard(keys, name) for keys in lists]


@cache
def _digests(kind: str) -> list[str]:
    return [term_digest(kind, term) for term in _TERMS[kind]]


def main() -> None:
    """Simulate every rate and write docs/scale.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--callbacks", type=int, default=1_000_000)
    count = parser.parse_args().callbacks
    before = time.monotonic()
    done = [simulate(rate, count, random.Random(rate)) for rate in RATES]  # noqa: S311 - no secret
    text = Path(__file__).with_name("scale.md").read_text(encoding="utf-8")
    DOCUMENT.write_text(text.format(callbacks=f"{count:,}", **_words(done)), encoding="utf-8")
    sys.stdout.write(f"{_words(done)['heat']}\n{time.monotonic() - before:.0f} s\n")


def _words(done: list[Simulation]) -> dict[str, str]:
    fast = done[-1]
    entries = sum(count for key, count in fast.listing.total.items() if key.startswith(ENTRY_PREFIX))
    return {
        "heat": "\n".join(row for each in done for row in _rows(each)),
        "units": f"{fast.units(fast.events, fast.receipts, fast.listing):.1f}",
        # The item of an entry, and its place in the index.
        "entries": f"{2 * entries / (fast.rate * fast.seconds):.1f}",
        "table": f"{fast.units(fast.events):.1f}",
        "new_table": f"{NEW_TABLE / fast.units(fast.events):,.0f}",
        "shard_rate": f"{fast.rate * PARTITION / fast.receipts.hottest:,.0f}",
    }


def _rows(done: Simulation) -> Iterator[str]:
    names = ("`events`", "`receipts`", "`listing`")
    for name, heat in zip(names, (done.events, done.receipts, done.listing), strict=True):
        mean = max(heat.total.values()) / done.seconds
        shares = f"{heat.hottest:,.0f} | {heat.hottest / PARTITION:.0%}"
        yield f"| {done.rate:,} | {name} | {len(heat.total):,} | {mean:,.1f} | {shares} |"


if __name__ == "__main__":
    main()
