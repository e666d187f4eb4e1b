"""Lists: the newest first, every filter, nothing skipped or doubled at the borders of pages."""

from datetime import UTC, datetime, timedelta

import pytest
from projecting import calls, project_all

from tavus_callbacks.aws import clients
from tavus_callbacks.aws.stores import summaries
from tavus_callbacks.domain.common import cursors
from tavus_callbacks.domain.common.timestamps import iso

NOW = datetime.now(UTC).replace(microsecond=0)
COUNT = 9


def began(number):
    """Return when the conversation of a number was first received."""
    return NOW - timedelta(hours=COUNT - number - 0.2)


def joined(number):
    """Write the beginning of a conversation."""
    at = iso(began(number))
    return {"conversation_id": f"c{number}", "event_type": "system.replica_joined", "timestamp": at}


def shutdown(number):
    """Write the end of a conversation."""
    at = iso(began(number) + timedelta(minutes=5))
    members = {"conversation_id": f"c{number}", "event_type": "system.shutdown", "timestamp": at}
    return {**members, "properties": {"shutdown_reason": "participant_left_timeout"}}


def transcript(number):
    """Write what was said."""
    turns = [{"role": "user", "content": "Hello there."}]
    at = iso(began(number) + timedelta(minutes=5))
    members = {"conversation_id": f"c{number}", "event_type": "application.transcription_ready"}
    return {**members, "timestamp": at, "properties": {"transcript": turns}}


@pytest.fixture(scope="module")
def listed(module_api):
    """Keep nine conversations: every third has ended, c6 with its transcript; c4 came by another token."""
    other = module_api.create_token("shop")
    for number in range(COUNT):
        token = other if number == 4 else module_api.token
        query = f"user={number % 2}"
        module_api.post(joined(number), at=began(number), query=query, token=token)
        if number % 3 == 0:
            module_api.post(shutdown(number), at=began(number) + timedelta(minutes=6), query=query)
    module_api.post(transcript(6), at=began(6) + timedelta(minutes=6))
    project_all(module_api)
    return module_api


def pages(api, query="", path="/conversations", name="conversations"):
    """Yield the pages of a list."""
    following = ""
    while following is not None:
        page = api.get(path, f"{query}&cursor={following}").value
        yield page[name]
        following = page["cursor"]


def ids(page):
    """Return the ids of a page."""
    return [one["conversation_id"] for one in page]


NEWEST_FIRST = [f"c{number}" for number in reversed(range(COUNT))]


@pytest.mark.parametrize("limit", [1, 2, 4, 8, 9, 10, 200])
def test_pages_of_any_size_hold_everything_once(listed, limit):
    """However pages are cut, each conversation comes once, and no page is longer than asked."""
    found = list(pages(listed, f"limit={limit}"))

    assert NEWEST_FIRST == [one for page in found for one in ids(page)]
    assert max(map(len, found)) <= limit


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("tag=user:1", ["c7", "c5", "c3", "c1"]),
        ("tag=user:7", []),
        ("tag=nobody:1", []),
        ("label=shop", ["c4"]),
        ("label=nobody", []),
        ("status=ended", ["c6", "c3", "c0"]),
        ("status=presumed_ended", ["c4", "c2", "c1"]),
        ("status=active", ["c8", "c7", "c5"]),
        ("missing=transcript", ["c4", "c3", "c2", "c1", "c0"]),
        ("missing=shutdown", ["c4", "c2", "c1"]),
        ("missing=recording", []),
        ("status=ended&tag=user:0&missing=transcript", ["c0"]),
    ],
)
@pytest.mark.parametrize("limit", [2, 50])
def test_filters_let_through_what_fits_all_of_them(listed, query, expected, limit):
    """Filters are joined by and; after four hours of silence a conversation is presumed to have ended."""
    assert expected == [one for page in pages(listed, f"{query}&limit={limit}") for one in ids(page)]


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        (2, None, ["c8", "c7", "c6", "c5", "c4", "c3", "c2"]),
        (None, 2, ["c1", "c0"]),
        (2, 4, ["c3", "c2"]),
        (4, 2, []),
        (4, 4, []),
    ],
)
@pytest.mark.parametrize("limit", [1, 50])
def test_spans_hold_their_beginning_and_not_their_end(listed, since, until, expected, limit):
    """`since` and `until` of two questions side by side give everything once."""
    span = {"since": since, "until": until}
    query = "&".join(f"{name}={iso(began(number))}" for name, number in span.items() if number is not None)

    assert expected == [one for page in pages(listed, f"{query}&limit={limit}") for one in ids(page)]


def test_an_entry_says_what_a_person_looks_for(listed):
    """Participants, times, the end, missing parts, and the numbers about the talk."""
    by_id = {one["conversation_id"]: one for page in pages(listed) for one in page}
    ended = by_id["c6"]

    assert ("ended", "participant_left_timeout", 300.0) == (
        ended["status"],
        ended["end_reason"],
        ended["duration"],
    )
    assert (True, 1, 2, []) == (
        ended["has_transcript"],
        ended["turns"],
        ended["talk"]["user_words"],
        ended["missing"],
    )
    assert (["transcript"], None) == (by_id["c3"]["missing"], by_id["c3"]["talk"])
    assert iso(began(6)) == ended["received_first_at"]


def test_a_sparse_filter_answers_what_it_has_with_a_cursor(listed, monkeypatch):
    """Nobody waits while thousands are looked through: a page may be short, and the list still whole."""
    monkeypatch.setattr(summaries, "_ROUNDS", 1)

    found = list(pages(listed, "label=shop&limit=2"))

    assert ["c4"] == [one for page in found for one in ids(page)]
    assert 5 == len(found)


def test_a_summary_that_has_gone_ends_no_list(listed, monkeypatch):
    """A subject erased between index and table leaves a shorter page, not the end."""
    from tavus_callbacks.aws.stores.index import Index

    items = Index.items
    monkeypatch.setattr(Index, "items", lambda self, keys: [None, *items(self, keys)[1:]])

    found = [one for page in pages(listed, "limit=3") for one in ids(page)]

    assert ["c7", "c6", "c4", "c2", "c1"] == found


def test_a_page_says_how_far_it_looked(listed, monkeypatch):
    """A page names the first receipt of the last row that it looked at, unless it reached the end."""
    monkeypatch.setattr(summaries, "_ROUNDS", 1)

    short = listed.get("/conversations", "label=shop&limit=4").value
    full = listed.get("/conversations", "limit=4").value
    last = listed.get("/conversations", "label=shop&limit=200").value

    assert ([], iso(began(5)), True) == (short["conversations"], short["looked_until"], bool(short["cursor"]))
    assert (4, iso(began(5)), True) == (
        len(full["conversations"]),
        full["looked_until"],
        bool(full["cursor"]),
    )
    assert (["c4"], None, None) == (ids(last["conversations"]), last["looked_until"], last["cursor"])
    subjects = listed.get("/subjects", "label=shop&limit=4").value
    assert iso(began(5)) == subjects["looked_until"]


@pytest.mark.parametrize(
    "query",
    [
        "ids=",
        "ids=,",
        "ids=" + ",".join(map(str, range(51))),
        "ids=c1&tag=user:1",
        "ids=c1&limit=3",
        "simulated=yes",
        "limit=0",
        "limit=201",
        "limit=x",
        "cursor=x",
        "cursor=" + cursors.encode({"before": 1, "of": cursors.list_name("/conversations", {})}),
        "cursor=" + cursors.encode({"before": "9" * 2000, "of": cursors.list_name("/conversations", {})}),
        "tag=user",
        "status=over",
        "missing=all",
        "since=yesterday",
        "until=",
    ],
)
def test_a_wrong_question_is_answered_in_words(listed, query):
    """The answer names the parameter and what it takes."""
    answer = listed.get("/conversations", query)

    assert 400 == answer.status
    assert query.partition("=")[0] in answer.value["detail"]


def test_a_cursor_of_nowhere_is_an_empty_list(listed):
    """A place before all places: no fault of the store's."""
    state = {"before": "!", "of": cursors.list_name("/conversations", {})}
    answer = listed.get("/conversations", "cursor=" + cursors.encode(state))

    assert {"conversations": [], "cursor": None, "looked_until": None} == answer.value


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/conversations", "status=active"),
        ("/conversations", "tag=user:1"),
        ("/conversations", "since=2027-01-01T00:00:00Z"),
        ("/videos", ""),
        ("/replicas", ""),
        ("/subjects", ""),
        ("/conversations/c0/events", ""),
        ("/events", "kind=conversation&subject=c0"),
        ("/events", ""),
        ("/quarantine", ""),
    ],
)
def test_a_cursor_of_another_list_is_refused(listed, path, query):
    """It would start again, or in the middle: the answer says where the cursor belongs."""
    following = listed.get("/conversations", "limit=2").value["cursor"]
    token = listed.quarantine_token if path == "/quarantine" else None

    answer = listed.get(path, f"{query}&cursor={following}", token=token)

    assert (400, True) == (answer.status, "belongs to another list" in answer.value["detail"])


def test_the_size_of_a_page_can_change_on_the_way(listed):
    """`limit` says nothing of which list it is."""
    first = listed.get("/conversations", "status=ended&limit=1").value

    second = listed.get("/conversations", f"limit=50&status=ended&cursor={first['cursor']}").value

    assert ["c6", "c3", "c0"] == ids(first["conversations"]) + ids(second["conversations"])


def test_a_short_filtered_page_looks_ahead(listed):
    """One that fits is not looked for one by one: the second look takes fifty."""
    with calls(clients.dynamodb()) as asked:
        found = listed.get("/conversations", "label=shop&limit=1").value

    assert ["c4"] == ids(found["conversations"])
    assert 2 == [name for name, _ in asked].count("BatchGetItem")


def test_a_page_is_eight_queries_and_one_read(listed):
    """However many conversations there are: a query a shard for a few keys, and one batch of items."""
    listed.get("/conversations")

    with calls(clients.dynamodb()) as asked:
        listed.get("/conversations", "limit=50")

    names = [name for name, _ in asked]
    assert ["BatchGetItem", *["Query"] * 8] == sorted(names)
    assert {23} == {parameters["Limit"] for name, parameters in asked if name == "Query"}
