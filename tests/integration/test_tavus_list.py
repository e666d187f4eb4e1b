"""Tavus's list is read whole while it changes between two pages, or the listing says that it may not be."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from types import SimpleNamespace

import pytest
from pydantic import SecretStr

from tavus_callbacks.outbound.tavus_api import Busy, TavusApi
from tavus_callbacks_cli.local_stack.behaviour import Behaviour
from tavus_callbacks_cli.local_stack.http.payload import Answer
from tavus_callbacks_cli.local_stack.http.server import serve, take_port
from tavus_callbacks_cli.local_stack.loopback import HOST
from tavus_callbacks_cli.local_stack.tavus_api import KEY, StandIn
from tavus_callbacks_cli.operations.tavus_list import MOST_PASSES, Listing

PER_PAGE = 4


@dataclass
class MovingList:
    """A stand-in for Tavus with pages of four rows; `before` are changes to make before the nth request.

    `rewrite` changes the content of an answer, given the number of its request and of its page.
    """

    tavus: StandIn = field(default_factory=StandIn)
    before: dict[int, Callable[[], None]] = field(default_factory=dict)
    rewrite: Callable[[int, int, dict], dict] = lambda _request, _page, content: content
    requests: int = 0

    def add(self, *numbers):
        """Let conversations arrive at the front of the list, made in the order of their numbers."""
        for number in numbers:
            made = f"2026-05-01T12:{number // 60:02}:{number % 60:02}Z"
            callback = {"event_type": "system.shutdown", "conversation_id": f"c{number}", "timestamp": made}
            self.tavus.learn({**callback, "webhook_url": "https://example.com/hook", "properties": {}})

    def remove(self, *numbers):
        """Delete conversations."""
        for number in numbers:
            del self.tavus.conversations[f"c{number}"]

    def append(self, number):
        """Let a conversation arrive at the end of the list."""
        self.add(number)
        conversations = self.tavus.conversations
        last = conversations.pop(f"c{number}")
        rest = dict(conversations)
        conversations.clear()
        conversations.update({f"c{number}": last, **rest})

    def handle(self, request):
        """Answer a request for a page."""
        self.requests += 1
        self.before.get(self.requests, lambda: None)()
        page = int(request.query.rpartition(b"=")[2])
        answer = self.tavus.handle(replace(request, query=b"limit=%d&page=%d" % (PER_PAGE, page)))
        if answer.status != 200:
            return answer
        content = self.rewrite(self.requests, page, json.loads(answer.body))
        return Answer(200, answer.headers, json.dumps(content).encode())


@pytest.fixture
def moving():
    """Return a list of twelve conversations, the newest first: c11 to c8, c7 to c4, c3 to c0."""
    made = MovingList()
    made.add(*range(12))
    return made


@pytest.fixture(scope="module")
def front():
    """Serve the list that a test puts behind it; a server of its own would cost each test half a second."""
    behind = SimpleNamespace(handle=None)

    def handle(request):
        return behind.handle(request)

    with take_port(0) as listener, serve(listener, handle):
        behind.url = f"http://{HOST}:{listener.getsockname()[1]}"
        yield behind


@pytest.fixture
def read(front):
    """Return what reads a list over HTTP and returns the listing."""

    def read_list(moving, **options):
        listing, front.handle = Listing(), moving.handle
        for _ in listing.read(TavusApi(SecretStr(KEY), front.url, **{"sleep": lambda _: None, **options})):
            pass
        return listing

    return read_list


def names(*numbers):
    """Return the ids of conversations."""
    return {f"c{number}" for number in numbers}


def test_a_list_that_stands_still_is_complete(moving, read):
    """Two passes agree, each from page 1 to an empty page."""
    listing = read(moving)

    assert (names(*range(12)), 12) == (set(listing.records), listing.total_count)
    assert (None, 2, 8) == (listing.doubt, listing.passes, moving.requests)


def test_an_account_without_conversations_is_complete(read):
    """There is nothing that a second pass could confirm."""
    moving = MovingList()

    listing = read(moving)

    assert ({}, None, 1) == (listing.records, listing.doubt, moving.requests)


@pytest.mark.parametrize("request_number", [2, 3, 4])
def test_arrivals_at_the_front_hide_nothing(moving, request_number, read):
    """Five rows arrive between two pages: a page full of rows that were seen does not end the reading."""
    moving.before[request_number] = lambda: moving.add(*range(12, 17))

    listing = read(moving)

    assert (names(*range(17)), None) == (set(listing.records), listing.doubt)


def test_deletions_before_the_position_hide_nothing(moving, read):
    """Rows that were read vanish, so that rows not yet read move to a page that was read."""
    moving.before[2] = lambda: moving.remove(11, 10, 9)

    listing = read(moving)

    assert names(*range(9)) <= set(listing.records)
    assert (None, 9) == (listing.doubt, listing.total_count)


def test_a_deletion_that_the_count_does_not_show_hides_nothing(moving, read):
    """One row vanishes and another arrives at the end: a row is missed although the count agrees."""

    def change():
        moving.remove(11)
        moving.append(12)

    moving.before[2] = change

    listing = read(moving)

    assert names(*range(11), 12) <= set(listing.records)
    assert (None, 3) == (listing.doubt, listing.passes)


def test_deletions_in_two_passes_are_repaired(moving, read):
    """The second pass misses rows too, and the third and fourth show them."""
    moving.before[2] = lambda: moving.remove(11)
    moving.before[6] = lambda: moving.remove(10)

    listing = read(moving)

    assert names(*range(10)) <= set(listing.records)
    assert listing.doubt is None


def test_conversations_that_arrive_all_the_time_keep_no_listing_from_its_end(moving, read):
    """A busy account is complete: what was made after the first page was not missed."""
    for number in range(1, 100):
        moving.before[number] = lambda number=number: moving.add(11 + number)

    listing = read(moving)

    assert names(*range(12)) <= set(listing.records)
    assert (None, 2) == (listing.doubt, listing.passes)


def test_a_short_page_in_the_middle_is_not_the_end(moving, read):
    """Tavus may give fewer rows than asked for: only an empty page ends the list."""
    tops = {1: [11, 10, 9, 8], 2: [7], 3: [6, 5, 4, 3], 4: [2, 1, 0]}
    moving.rewrite = lambda _, page, content: {
        **content,
        "data": [{"conversation_id": f"c{number}"} for number in tops.get(page, [])],
    }

    listing = read(moving)

    assert (names(*range(12)), None) == (set(listing.records), listing.doubt)


def test_a_page_that_is_answered_twice_hides_nothing(moving, read):
    """Request 2 answers page 1 again, so page 2 is missed; the next pass shows it."""
    first = {}

    def repeat(request, page, content):
        first.setdefault(page, content)
        return first[1] if request == 2 else content

    moving.rewrite = repeat

    listing = read(moving)

    assert (names(*range(12)), None) == (set(listing.records), listing.doubt)


def test_an_empty_page_too_early_hides_nothing(moving, read):
    """Once a page is empty that is not the last; the count shows it, and the next pass reads on."""
    moving.rewrite = lambda request, _, content: {**content, "data": [] if request == 2 else content["data"]}

    listing = read(moving)

    assert (names(*range(12)), None) == (set(listing.records), listing.doubt)


@pytest.mark.parametrize("total", [11, 13])
def test_a_count_that_never_agrees_is_doubtful(moving, total, read):
    """The reading ends after some passes, keeps what it found, and says both numbers."""
    moving.rewrite = lambda _, __, content: {**content, "total_count": total}

    listing = read(moving)

    assert f"Tavus counts {total} conversations, but its pages show 12." == listing.doubt
    assert (names(*range(12)), MOST_PASSES) == (set(listing.records), listing.passes)


@pytest.mark.parametrize(
    ("total", "doubt"),
    [
        (4, None),
        (12, "Tavus counts 12 conversations, but its pages show 4."),
        (None, "Tavus's list repeats itself and has no total_count."),
    ],
)
def test_a_server_that_ignores_the_page_comes_to_an_end(moving, total, doubt, read):
    """The same rows for ever: complete only where the count agrees."""
    first = [{"conversation_id": f"c{number}"} for number in range(8, 12)]
    moving.rewrite = lambda _, __, content: {**content, "data": first, "total_count": total}

    listing = read(moving)

    assert (names(*range(8, 12)), doubt) == (set(listing.records), listing.doubt)
    assert moving.requests < 30


def test_without_a_count_two_passes_that_agree_are_enough(moving, read):
    """There is no other evidence then."""
    moving.rewrite = lambda _, __, content: {"data": content["data"]}
    moving.before[2] = lambda: moving.remove(11)

    listing = read(moving)

    assert names(*range(11)) <= set(listing.records)
    assert (None, None, 3) == (listing.doubt, listing.total_count, listing.passes)


def test_rows_without_an_id_are_doubtful(moving, read):
    """Whichever conversation that is, it is not read."""
    moving.rewrite = lambda _, page, content: {
        **content,
        "data": [*content["data"], {}] if page == 1 else content["data"],
    }

    assert "Tavus's list has rows without a conversation_id (1)." == read(moving).doubt


def test_a_429_between_two_pages_is_asked_again(moving, read):
    """The page that was refused is read, and none is passed over."""
    moving.before[2] = lambda: setattr(moving.tavus, "behaviour", Behaviour(status=429, times=2))

    listing = read(moving)

    assert (names(*range(12)), None) == (set(listing.records), listing.doubt)


def test_a_429_that_stays_ends_the_reading(moving, read):
    """No listing is returned for complete that is half."""
    moving.before[2] = lambda: setattr(moving.tavus, "behaviour", Behaviour(status=429))

    with pytest.raises(Busy):
        read(moving, patience=0)
