"""A page of a hundred thousand conversations costs what a page of a hundred costs.

The store holds sorted keys, because moto walks the whole table for each query. The tests count requests,
the items that they return, and calls of our own functions; one measures processor time.
"""

import sys
import threading
import time
from bisect import bisect_left, bisect_right
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from folding import gather_facts, said

import tavus_callbacks
from tavus_callbacks.aws.items import read_item, write_item
from tavus_callbacks.aws.stores.keys import entry_shards, shard
from tavus_callbacks.aws.stores.summaries import Span, SummaryRows, SummaryUpdate
from tavus_callbacks.domain.common.timestamps import iso
from tavus_callbacks.domain.conversations.settings import FoldSettings
from tavus_callbacks.domain.summaries.summary import conversation_summary, shards
from tavus_callbacks.domain.summaries.terms import tag_term, term_digest

NOW = datetime(2027, 3, 1, 12, 30, tzinfo=UTC)
SETTINGS = FoldSettings(timedelta(hours=2), expect_recording=True)
OURS = str(Path(tavus_callbacks.__file__).parent)
PAGE = 50
# A tag that every conversation has, and one that three have.
COMMON, RARE = tag_term(("team", "a")), tag_term(("user", "5"))


def _key(pk, place):
    """Return a row of the index, made without our own code, because that is counted."""
    return {"pk": {"S": pk}, "sk": {"S": "s1"}, "listed": {"S": place}}


class SortedStore:
    """DynamoDB with one index: a query costs what it returns, however much else there is."""

    def __init__(self, count):
        lists = [
            shards("conversation"),
            *(entry_shards(term_digest("conversation", term)) for term in (COMMON, RARE)),
        ]
        self.places = {shard: [] for shards_ in lists for shard in shards_}
        for number in range(count):
            pk = f"conversation#c{number}"
            place = f"{iso(NOW - timedelta(minutes=count - number))}#{number:032}"
            for shards_ in lists if number % (count // 3) == 0 else lists[:2]:
                self.places[shard(shards_, pk)].append((place, pk))
        self.template, self.asked = {}, []
        self._put_template()

    def _put_template(self):
        events = [said("system.replica_joined"), said("system.shutdown", 60)]
        update = SummaryUpdate(gather_facts(events), None)
        SummaryRows(self, "t").put_if_unchanged("conversation", "c0", update, frozenset(), stored=None)

    def get_item(self, *, Key, **_):  # noqa: N803 - botocore's name
        """Return the note that every conversation has its entries, and no other item."""
        return {"Item": {**Key, "since": {"S": "0"}}} if Key["pk"] == {"S": "entries#conversation"} else {}

    def put_item(self, *, Item, **_):  # noqa: N803 - botocore's name
        """Keep the row that all others are copies of."""
        self.template = Item
        return {}

    def query(self, *, ExpressionAttributeValues, Limit, **_):  # noqa: N803 - botocore's names
        """Return the newest keys of a shard within a span."""
        values = read_item(ExpressionAttributeValues)
        places = self.places[values[":shard"]]
        begin, end = (
            bisect_left(places, (values[":since"], "")),
            bisect_right(places, (values[":until"], "~")),
        )
        newest = places[max(begin, end - Limit) : end][::-1]
        self.asked.append(("Query", len(newest)))
        return {"Items": [_key(pk, place) for place, pk in newest]}

    def batch_get_item(self, *, RequestItems):  # noqa: N803 - botocore's name
        """Return summaries, but no notes of objects."""
        keys = [read_item(key) for key in RequestItems["t"]["Keys"] if key["sk"]["S"] == "s1"]
        self.asked.append(("BatchGetItem", len(keys)))
        named = ({"pk": key["pk"], "subject": key["pk"].partition("#")[2]} for key in keys)
        return {"Responses": {"t": [{**self.template, **write_item(row)} for row in named]}}


def cost(store, before=None, term=None):
    """Return the requests of a page, how often it calls our own functions, and where it ends."""
    called = []

    def note(frame, event, _):
        if event == "call" and frame.f_code.co_filename.startswith(OURS):
            # The counts of several threads; an addition would lose some.
            called.append(frame.f_code.co_name)

    def describe(row):
        return conversation_summary(row.subject, row.facts, now=NOW, settings=SETTINGS)

    summaries = SummaryRows(store, "t")

    def page():
        return summaries.list_summaries(
            "conversation", Span(before, "0", PAGE), describe, objects_in="recordings", term=term
        )

    page()
    store.asked.clear()
    threading.setprofile(note)
    sys.setprofile(note)
    try:
        listed = page()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    assert PAGE == len(listed.views)
    return sorted(store.asked), len(called), listed


@pytest.fixture(scope="module")
def many():
    """Return a store of 100,000 conversations."""
    return SortedStore(100_000)


def test_a_page_costs_the_same_in_a_list_of_any_length(many):
    """A list of a hundred or a hundred thousand takes the same requests and the same work, at any place."""
    few = SortedStore(100)
    middle = many.places["conversation#0"][6_000][0]

    expected, newest, later = cost(few), cost(many), cost(many, middle)

    assert [("BatchGetItem", PAGE), *[("Query", 23)] * 8] == newest[0] == later[0]
    assert [name for name, _ in expected[0]] == [name for name, _ in newest[0]]
    # A hundred fill no page of each shard, so there are a few keys less to sort.
    assert expected[1] <= newest[1] <= 1.2 * expected[1]
    assert newest[1] == pytest.approx(later[1], rel=0.02)
    assert newest[1] == cost(SortedStore(1_000))[1]


def test_every_conversation_of_a_long_list_comes_once():
    """Reading page by page to the end returns every conversation once."""
    store, seen, place = SortedStore(3_000), [], None
    while True:
        listed = SummaryRows(store, "t").list_summaries(
            "conversation", Span(place, "0", 200), lambda row: row.subject
        )
        seen += listed.views
        place = listed.following
        if place is None:
            break

    assert [f"c{number}" for number in reversed(range(3_000))] == seen


def test_a_page_of_a_tag_costs_less_than_a_page_of_the_list(many):
    """If all of 100,000 conversations have a tag, its pages take 8 calls and at most 40 ms of CPU."""
    middle = many.places[entry_shards(term_digest("conversation", COMMON))[0]][6_000][0]

    newest, later = cost(many, term=COMMON), cost(many, middle, term=COMMON)

    assert [("BatchGetItem", PAGE), *[("Query", 25)] * 7] == newest[0] == later[0]
    assert newest[1] == pytest.approx(later[1], rel=0.02)
    assert newest[1] < cost(many)[1]
    times = []
    # The garbage collector walks through the whole store at times, which takes 40 ms alone.
    for _ in range(3):
        begin = time.process_time()
        page = page_of(many, COMMON)
        times.append(time.process_time() - begin)
    assert 0.040 >= min(times)
    assert [f"c{number}" for number in reversed(range(100_000 - PAGE, 100_000))] == page.views


def test_a_rare_tag_is_found_at_once(many):
    """Four conversations among 100,000 are one page."""
    page = page_of(many, RARE)

    assert ["c99999", "c66666", "c33333", "c0"] == page.views
    assert page.following is None
    assert [("BatchGetItem", 4)] == [call for call in many.asked if call[0] != "Query"]
    assert 8 == len(many.asked)


def page_of(store, term):
    """Return the first page of a term."""
    store.asked.clear()
    return SummaryRows(store, "t").list_summaries(
        "conversation", Span(None, "0", PAGE), lambda row: row.subject, term=term
    )
