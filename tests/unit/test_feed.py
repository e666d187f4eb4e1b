"""Pulling in order of receipt never skips an event and never gives one twice."""

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tavus_callbacks.aws.stores.keys import EVENT_SHARDS, QUARANTINE_SHARDS, receipt, shard
from tavus_callbacks.domain.events import feed
from tavus_callbacks.domain.events.feed import (
    MEMORY,
    SETTLE,
    Position,
    advance,
    make_room,
    next_page,
    read_limit,
)

START = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
SHARDS = ("a", "b", "c")
SETTLE_MS = SETTLE // timedelta(milliseconds=1)


@dataclass(frozen=True)
class Written:
    """An event: its receipt, and when a reader can see it."""

    receipt: str
    visible_at: datetime


def written(number, kept_ms, delay_ms):
    """Return an event that was stored, and became visible some milliseconds later."""
    kept_at = START + timedelta(milliseconds=kept_ms)
    name = hashlib.sha256(str(number).encode()).hexdigest()[:32]
    return Written(receipt(kept_at, name), kept_at + timedelta(milliseconds=delay_ms))


@dataclass
class Puller:
    """A program that pulls, as `GET /events?after=` serves it: shard by shard, a page at a time."""

    events: list
    position: Position = field(default_factory=Position)

    def pull(self, now, limit, readable):
        """Return a page of at most `limit` events, of which the first `readable` bodies fit."""
        visible = [one.receipt for one in self.events if one.visible_at <= now]
        after = sorted(one for one in visible if one > (self.position.settled or "0"))
        count = read_limit(self.position, limit)
        shards = [[one for one in after if shard(SHARDS, one) == name][:count] for name in SHARDS]
        position, seen = make_room(self.position, [one for shard in shards for one in shard], now=now)
        page = next_page(position, seen, limit, now=now)[:readable]
        self.position = advance(position, seen, page, now=now)
        return page

    def pull_all(self, now):
        """Pull until every event is given, after all have settled; no page may be empty."""
        given, left = [], True
        while left:
            page = self.pull(now, 3, 2)
            given += page
            left = bool(page)
        return given


EVENTS = st.lists(st.tuples(st.integers(0, 40_000), st.integers(0, SETTLE_MS)), max_size=40)
PULLS = st.lists(st.tuples(st.integers(0, 9_000), st.integers(1, 8), st.integers(1, 8)), max_size=25)


@pytest.mark.parametrize("memory", [2, 7, MEMORY])
@given(events=EVENTS, pulls=PULLS)
def test_nothing_is_skipped_and_nothing_given_twice(memory, events, pulls):
    """Each event is given exactly once, with late writers, bursts, small pages and a short memory."""
    every = [written(number, *times) for number, times in enumerate(events)]
    puller, now, given = Puller(every), START, []

    with patch.object(feed, "MEMORY", memory):
        for pause, limit, readable in pulls:
            now += timedelta(milliseconds=pause)
            given += puller.pull(now, limit, readable)
        given += puller.pull_all(max(now, START + timedelta(seconds=60)) + SETTLE)

    assert Counter(one.receipt for one in every) == Counter(given)


@given(events=EVENTS)
def test_without_late_writers_the_order_is_that_of_receipt(events):
    """After all events have settled, they are given by their receipt."""
    every = [written(number, kept, 0) for number, (kept, _) in enumerate(events)]

    given = Puller(every).pull_all(START + timedelta(seconds=60) + SETTLE)

    assert sorted(one.receipt for one in every) == given


def test_a_burst_beyond_memory_waits_for_it_to_settle():
    """A burst of 1,000 events is given as far as the memory reaches, and the rest later."""
    every = [written(number, number, 0) for number in range(1000)]
    puller, now = Puller(every), START + timedelta(seconds=2)

    at_once = puller.pull(now, 200, 200) + puller.pull(now, 200, 200)
    given = at_once + puller.pull_all(now + SETTLE)

    assert MEMORY == len(at_once)
    assert [one.receipt for one in every] == given


def test_what_late_ones_hide_is_not_given_twice():
    """An event stays marked as given when late ones push it out of a shard's answer."""
    events = [written(0, 10_000, 0), *(written(number, 9_000, 2_000) for number in range(1, 60))]
    place = shard(SHARDS, events[0].receipt)
    early, *late = [one for one in events if shard(SHARDS, one.receipt) == place][:8]
    puller = Puller([early, *late])

    given = puller.pull(START + timedelta(seconds=10.5), 1, 1)
    for _ in range(10):
        given += puller.pull(START + timedelta(seconds=11.5), 1, 1)

    assert early.receipt == given[0]
    assert Counter(one.receipt for one in (early, *late)) == Counter(given)


def test_a_late_one_does_not_wait_for_ever_behind_a_full_memory():
    """A late event is given even if the memory is full of events after it."""
    every = [written(number, 10_000 + number, 0) for number in range(MEMORY)]
    late = written(MEMORY, 9_000, 3_000)
    puller = Puller([*every, late])
    assert MEMORY == len(puller.pull(START + timedelta(seconds=11), 200, 200))
    assert [] == puller.pull(START + timedelta(seconds=12.5), 200, 200)

    assert [late.receipt] == puller.pull(START + timedelta(seconds=9.001) + SETTLE, 200, 200)


def test_time_alone_brings_a_full_memory_on():
    """A full position moves on as soon as some of the events that it gave have settled."""
    every = [written(number, number * 100, 0) for number in range(400)]
    puller = Puller(every)
    given = puller.pull(START + timedelta(seconds=40), 200, 200)
    rest = puller.pull(START + timedelta(seconds=41), 200, 200)

    assert [one.receipt for one in every] == given + rest


def test_a_position_that_is_empty_stays_at_its_time():
    """A reader that starts at a later time does not get earlier events."""
    later = Position("2030-01-01T00:00:00.000000Z")

    assert later == advance(later, [], [], now=START)


def test_a_position_fits_into_a_url():
    """A position stays short, however many events were given."""
    every = [written(number, 0, 0) for number in range(500)]
    puller = Puller(every)

    puller.pull(START + timedelta(seconds=1), 500, 500)

    assert MEMORY == len(puller.position.given)
    assert sum(map(len, puller.position.given)) < 3000


def test_names_spread_over_all_shards():
    """Names are spread evenly over the partitions of the index."""
    counts = Counter(
        shard(EVENT_SHARDS, hashlib.sha256(str(number).encode()).hexdigest()) for number in range(24_000)
    )

    assert set(EVENT_SHARDS) == set(counts)
    assert max(counts.values()) < 1200


def test_events_and_quarantine_share_no_shard():
    """A pull of events gives no entries of quarantine, and the reverse."""
    assert not set(EVENT_SHARDS) & set(QUARANTINE_SHARDS)
