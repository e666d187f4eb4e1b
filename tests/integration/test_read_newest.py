"""`GET /events` with `order=newest` and filters: the latest events of one kind, type, label or issue."""

from datetime import UTC, datetime

import pytest
from inprocess import forget

from tavus_callbacks.aws import clients
from tavus_callbacks.aws.stores import event_pages
from tavus_callbacks.aws.stores.tombstones import Tombstones
from tavus_callbacks.domain.common.timestamps import iso

COUNT = 6


@pytest.fixture(scope="module")
def stored(module_api):
    """Store shutdowns c0 to c5 with a video between them; odd ones are simulated, c4 came by another token.

    The last member is the time between c2 and the video.
    """
    shop = module_api.create_token("shop")
    middle = ""
    for number in range(COUNT):
        if number == 3:
            middle = iso(datetime.now(UTC))
            module_api.post({"video_id": "v1", "status": "ready"})
        body = {"conversation_id": f"c{number}", "event_type": "system.shutdown", "timestamp": 1780000000}
        more = {"unheard_of": 1} if number == 2 else {}
        query = "simulated=true" if number % 2 else ""
        module_api.post(body | more, query=query, token=shop if number == 4 else module_api.token)
    return module_api, middle


def subjects(page):
    """Return the subjects of a page."""
    return [event["subject"] for event in page["events"]]


def read_all(api, query):
    """Follow the cursor to the end; return the subjects."""
    listed, page = [], api.get("/events", query).value
    while True:
        listed += subjects(page)
        assert (page["cursor"] is None) == (page["looked_until"] is None)
        if page["cursor"] is None:
            return listed
        # Beside the parameters of the first request, as every list takes it.
        page = api.get("/events", f"{query}&cursor={page['cursor']}").value


NEWEST = ["c5", "c4", "c3", "v1", "c2", "c1", "c0"]


def test_pages_continue_by_cursor_and_begin_before_a_time(stored):
    """The newest come first; `before` is a time or a cursor, and an event comes once."""
    api, middle = stored

    assert NEWEST == read_all(api, "order=newest&limit=3")
    assert ["c2", "c1", "c0"] == read_all(api, f"order=newest&limit=2&before={middle}")
    first = api.get("/events", "order=newest&limit=2").value
    second = api.get("/events", f"order=newest&limit=2&before={first['cursor']}").value
    assert ["c3", "v1"] == subjects(second)
    assert middle < second["looked_until"] < first["looked_until"]


FILTERS = {
    "kind=video": ["v1"],
    "kind=conversation&simulated=true": ["c5", "c3", "c1"],
    "simulated=false": ["c4", "v1", "c2", "c0"],
    "event_type=system.shutdown&label=shop": ["c4"],
    "issue=unknown_property": ["c2"],
}


def test_filters_work_in_both_orders(stored):
    """A filter leaves out what does not match; the feed passes over it and reaches its end."""
    api, _ = stored
    for query, expected in FILTERS.items():
        for order, direction in (("newest", 1), ("oldest", -1)):
            page = api.get("/events", f"order={order}&{query}").value
            assert (expected[::direction], None) == (subjects(page), page["looked_until"]), query


def test_a_filtered_feed_says_when_to_ask_again_at_once(stored):
    """An empty page is not the end while `looked_until` is a time."""
    api, middle = stored

    page = api.get("/events", "limit=3&simulated=false&label=shop").value

    assert ([], True) == (page["events"], "" < page["looked_until"] < middle)
    assert ["c4"] == subjects(api.get("/events", f"simulated=false&label=shop&after={page['cursor']}").value)


def test_a_page_that_stops_early_says_how_far_it_looked(stored, monkeypatch):
    """Nobody waits while thousands are read: the page has a cursor and the time up to which it looked."""
    monkeypatch.setattr(event_pages, "_ROUNDS", 1)
    monkeypatch.setattr(event_pages, "_LOOK_AHEAD", 4)
    api, middle = stored

    page = api.get("/events", "order=newest&issue=unknown_property").value
    rest = api.get("/events", f"order=newest&issue=unknown_property&cursor={page['cursor']}").value

    assert ([], True) == (page["events"], page["looked_until"] > middle)
    assert (["c2"], None) == (subjects(rest), rest["looked_until"])


REFUSED = {
    "subject=c1": "subject requires kind",
    "kind=conversation": "kind requires subject, or order",
    "kind=conversation&subject=c1&order=newest": "can only be combined",
    "kind=conversation&subject=c1&simulated=true": "can only be combined",
    "kind=conversation&subject=c1&issue=variant": "can only be combined",
    "before=2027-03-01T12:00:00Z": "before requires order=newest",
    "order=newest&after=2027-03-01T12:00:00Z": "use before instead of after",
    "order=newest&before=yesterday": "cursor",
    "order=first": "order must be oldest or newest",
    "simulated=maybe": "simulated must be true or false",
}


def test_parameters_that_exclude_each_other_are_refused_in_words(stored):
    """The answer is 400 and says which parameter is wrong."""
    api, _ = stored
    for query, words in REFUSED.items():
        answer = api.get("/events", query)
        assert (400, True) == (answer.status, words in answer.value["detail"]), query


def test_a_cursor_belongs_to_its_order_and_filters(stored):
    """With another order or filter, a page would begin again, or in the middle."""
    api, _ = stored
    cursor = api.get("/events", "order=newest&limit=1").value["cursor"]

    for query in ("", "order=newest&kind=video", "order=newest&simulated=true"):
        answer = api.get("/events", f"{query}&cursor={cursor}")
        assert (400, True) == (answer.status, "belongs to another list" in answer.value["detail"]), query


def test_an_erased_subject_is_not_shown(stored):
    """It disappears from the list as soon as its tombstone is stored."""
    api, _ = stored
    tombstones = Tombstones(clients.dynamodb(), api.environment["EVENTS_TABLE"])
    tombstones.add("conversation", "c4", at=datetime.now(UTC), lifetime=None)
    forget()

    assert "c4" not in read_all(api, "order=newest&limit=3")
