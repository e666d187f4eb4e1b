"""The newest events first: every match comes once, in order, and one answer looks at a bounded number."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from tavus_callbacks.aws.items import read_item, write_item
from tavus_callbacks.aws.stores import event_pages
from tavus_callbacks.aws.stores.event_pages import EventPages
from tavus_callbacks.aws.stores.keys import EVENT_SHARDS, receipt, receipt_attributes, tombstone
from tavus_callbacks.domain.common.timestamps import iso
from tavus_callbacks.domain.events.event_filter import EventFilter

START = datetime(2027, 3, 1, 12, tzinfo=UTC)
EVERYTHING = EventFilter()


class FakeTable:
    """The index `receipts`, the rows behind it, and tombstones."""

    def __init__(self, rows, gone=(), erased=()):
        self.rows = {(row["pk"], row["sk"]): row for row in rows}
        names = ("pk", "sk", "receipt_shard", "receipt")
        keys = ({name: row[name] for name in names} for row in rows)
        self.keys = sorted(keys, key=lambda key: key["receipt"], reverse=True)
        for key in gone:
            del self.rows[key]
        self.erased = {tombstone(pk)["pk"] for pk in erased}
        self.queries, self.keys_read, self.rows_read = 0, 0, []

    def get_item(self, **_):
        """Return the marker of tombstones."""
        return {"Item": write_item({"pk": "tombstone#any", "sk": "marker"})} if self.erased else {}

    def query(self, *, ExpressionAttributeValues, Limit, **_):  # noqa: N803 - botocore's names
        """Return the newest keys of a shard within a span."""
        self.queries += 1
        values = read_item(ExpressionAttributeValues)
        shard = (key for key in self.keys if key["receipt_shard"] == values[":shard"])
        keys = [key for key in shard if values[":since"] <= key["receipt"] <= values[":until"]]
        self.keys_read += len(keys[:Limit])
        return {"Items": list(map(write_item, keys[:Limit]))}

    def batch_get_item(self, *, RequestItems):  # noqa: N803 - botocore's name
        """Return the rows and tombstones that exist."""
        keys = [tuple(read_item(key).values()) for key in RequestItems["t"]["Keys"]]
        self.rows_read += [key for key in keys if key in self.rows]
        rows = [self.rows[key] for key in keys if key in self.rows]
        tombstones = [{"pk": pk, "sk": sk} for pk, sk in keys if pk in self.erased]
        return {"Responses": {"t": list(map(write_item, rows + tombstones))}}


def event_row(number, *, second=0, kind="conversation", shards=EVENT_SHARDS, **members):
    """Make the row of an event that was stored at a second."""
    subject, at = f"x{number % 7}", START + timedelta(seconds=second)
    return {
        "pk": f"{kind}#{subject}",
        "sk": f"e1#{number:05}",
        **receipt_attributes(shards, at, f"{number * 7919 % 100_000:032}"),
        "type": "event",
        "ref": f"{number:05}",
        "family": kind,
        "kind": kind,
        "subject": subject,
        "event_type": "system.shutdown",
        "received_at": iso(at),
        "label": "website",
        "tags": {},
        "issues": [],
        "content": "",
        "body": b"{}",
        "body_size": 2,
        "encoding": "identity",
        **members,
    }


def random_table(chance):
    """Make a table in which many events have the same time, and some are erased, expired or gone.

    In some tables, all events are in one shard, which a hash of names makes very unlikely.
    """
    shards = chance.choice((EVENT_SHARDS, EVENT_SHARDS[:1]))
    rows = [
        event_row(
            number,
            second=chance.randrange(12),
            shards=shards,
            kind=chance.choice(("conversation", "video")),
            event_type=chance.choice(("system.shutdown", "video.ready")),
            label=chance.choice(("website", "shop")),
            tags=chance.choice(({}, {"simulated": "true"}, {"simulated": "false"})),
            issues=chance.choice(([], ["variant"], ["unknown_property:a.b", "variant"])),
            expires_at=chance.choice((None, None, None, 1)),
        )
        for number in range(chance.randrange(120))
    ]
    gone = [(row["pk"], row["sk"]) for row in rows if chance.random() < 0.1]
    return FakeTable(rows, gone, {f"video#x{chance.randrange(7)}", "conversation#x1"})


def random_filter(chance):
    """Make a filter of zero to five criteria."""
    return EventFilter(
        chance.choice((None, "conversation", "video")),
        chance.choice((None, "video.ready")),
        chance.choice((None, "shop")),
        chance.choice((None, "variant", "unknown_property", "unknown_property:a.b", "unknown")),
        chance.choice((None, True, False)),
    )


def matches(row, filter_):
    """Return whether a row is in a list, without the code under test."""
    issues = {*row["issues"], *(issue.split(":")[0] for issue in row["issues"])}
    return (
        (not filter_.kind or row["kind"] == filter_.kind)
        and (not filter_.event_type or row["event_type"] == filter_.event_type)
        and (not filter_.label or row["label"] == filter_.label)
        and (not filter_.issue or filter_.issue in issues)
        and (filter_.simulated is None or filter_.simulated == (row["tags"] == {"simulated": "true"}))
    )


def expected_refs(table, filter_, before):
    """Return the references that a list should have."""
    rows = (table.rows.get((key["pk"], key["sk"])) for key in table.keys if key["receipt"] < before)
    return [
        row["ref"]
        for row in rows
        if row
        and tombstone(row["pk"])["pk"] not in table.erased
        and row["expires_at"] is None
        and matches(row, filter_)
    ]


def read_all(table, filter_, limit, before):
    """Read page by page to the end; return the references."""
    refs, pages = [], EventPages(table, "t", NoBodies())
    while True:
        page = pages.list_newest(filter_, limit=limit, before=before)
        assert len(page.entries) <= limit
        refs += [event.ref for event, _ in page.entries]
        before = page.next_before
        if before is None:
            return refs


class NoBodies:
    """Bodies that are in their rows."""

    def read(self, row):
        """Return the body of a row."""
        return row["body"]


@pytest.mark.parametrize("seed", range(5))
def test_every_match_comes_once_and_the_newest_first(seed, monkeypatch):
    """Pages of any size hold each match once, whatever the filter, equal times and missing rows."""
    monkeypatch.setattr(event_pages, "_LOOK_AHEAD", 7)
    chance = random.Random(seed)  # noqa: S311 - the same tables in each run
    for _ in range(30):
        table, filter_, limit = random_table(chance), random_filter(chance), chance.choice((1, 2, 9, 200))
        before = chance.choice((None, receipt(START + timedelta(seconds=6), "")[:-1]))

        assert expected_refs(table, filter_, before or "9") == read_all(table, filter_, limit, before)


def test_a_filter_without_matches_looks_at_800_events():
    """An answer is bounded; the page says where it stopped, and the next one continues there.

    Each query reads a share of the page, not a page.
    """
    table = FakeTable([event_row(number, second=number) for number in range(2_000)])

    page = EventPages(table, "t", None).list_newest(EventFilter(label="nobody"), limit=50, before=None)

    assert ([], iso(START + timedelta(seconds=1_200))) == (page.entries, page.next_before.partition("#")[0])
    assert 4 * len(EVENT_SHARDS) == table.queries
    assert 4 * 27 * len(EVENT_SHARDS) >= table.keys_read
    assert 800 == len(table.rows_read)


def test_rows_of_other_kinds_are_not_read():
    """A key names its kind."""
    rows = [event_row(number, second=number, kind=("video", "replica")[number % 2]) for number in range(100)]
    table = FakeTable(rows)

    assert 50 == len(read_all(table, EventFilter(kind="video"), 200, None))
    assert {"video"} == {pk.partition("#")[0] for pk, _ in table.rows_read}


def test_a_page_ends_before_its_bodies_exceed_an_answer():
    """Large bodies shorten a page, and no event is lost."""
    big = b'"' + b"x" * 200_000 + b'"'
    table = FakeTable([event_row(number, second=number, body=big, body_size=200_002) for number in range(8)])
    pages = EventPages(table, "t", NoBodies())

    page = pages.list_newest(EVERYTHING, limit=50, before=None)

    assert ["00007", "00006", "00005"] == [event.ref for event, _ in page.entries]
    assert [f"{number:05}" for number in reversed(range(8))] == read_all(table, EVERYTHING, 50, None)
