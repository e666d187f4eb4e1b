"""Tavus's API: documented answers are parsed, all others have a named error, and the key stays secret."""

import socket
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
import urllib3
from pydantic import SecretStr

from tavus_callbacks.domain.repair.tavus_record import TavusRecord
from tavus_callbacks.outbound.tavus_api import (
    Busy,
    KeyRefused,
    TavusApi,
    TavusError,
    UnknownThere,
    Unreadable,
)
from tavus_callbacks_cli.local_stack.behaviour import MODES, Behaviour
from tavus_callbacks_cli.local_stack.http.payload import Answer
from tavus_callbacks_cli.local_stack.http.server import serve, take_port
from tavus_callbacks_cli.local_stack.tavus_api import KEY, StandIn, serve_stand_in

SHUTDOWN = {
    "event_type": "system.shutdown",
    "message_type": "system",
    "conversation_id": "c1",
    "webhook_url": "https://example.com/callbacks/none?user=4711",
    "timestamp": "2026-05-01T12:00:00.250000Z",
    "properties": {"shutdown_reason": "participant_left_timeout"},
}


@pytest.fixture(scope="module")
def served():
    """Return a stand-in and its URL."""
    stand_in = StandIn()
    with serve_stand_in(stand_in) as url:
        yield stand_in, url


@pytest.fixture
def stand_in(served):
    """Return the stand-in, empty and healthy."""
    found, _ = served
    found.behaviour = Behaviour()
    found.conversations.clear()
    found.requests.clear()
    return found


@pytest.fixture
def waits():
    """Return the pauses in seconds; none is really waited."""
    return []


@pytest.fixture
def api(served, stand_in, waits):
    """Return the client of the API."""
    return TavusApi(SecretStr(stand_in.key), served[1], sleep=waits.append)


def test_a_record_is_read(api, stand_in):
    """It has the events that Tavus sent, without the members that only callbacks have."""
    stand_in.learn(SHUTDOWN)

    found = api.conversation("c1")

    shown = {name: SHUTDOWN[name] for name in ("event_type", "timestamp", "properties")}
    assert (
        TavusRecord("c1", SHUTDOWN["webhook_url"], datetime(2026, 5, 1, 12, 0, 0, 250000, UTC), (shown,))
        == found
    )


@pytest.mark.parametrize("mode", ["null-events", "no-events"])
def test_events_may_be_null_or_absent(api, stand_in, mode):
    """That is so while a conversation is active; it is not an error."""
    stand_in.learn(SHUTDOWN)
    stand_in.behaviour = MODES[mode]

    assert api.conversation("c1").events is None


def test_a_page_of_the_list_is_read(api, stand_in):
    """Pages count from 1. A page has records without events, and the number of all conversations."""
    for number in range(101):
        stand_in.learn({**SHUTDOWN, "conversation_id": f"c{number}"})

    pages = [api.conversations_page(number) for number in (1, 2, 3)]

    assert [100, 1, 0] == [len(page.records) for page in pages]
    assert [101, 101, 101] == [page.total_count for page in pages]
    assert [False, False, True] == [page.is_empty for page in pages]
    assert {f"c{number}" for number in range(101)} == {
        record.conversation_id for page in pages for record in page.records
    }


@pytest.mark.parametrize("total", [b"", b', "total_count": null', b', "total_count": true'])
def test_rows_without_an_id_are_counted(total):
    """Conversations without an id cannot be read; a missing total_count is None."""
    rows = b'{"data": [{"conversation_id": "c1"}, {"conversation_id": 7}, null]' + total + b"}"

    with answering(Answer(200, (), rows)) as api:
        page = api.conversations_page(1)

    assert (["c1"], 2, None) == (
        [record.conversation_id for record in page.records],
        page.unreadable,
        page.total_count,
    )


@pytest.mark.parametrize(("mode", "error"), [("401", KeyRefused), ("404", UnknownThere), ("500", Busy)])
def test_a_refusal_has_a_name(api, stand_in, mode, error):
    """401 and 404 are requested once, an error of the server several times."""
    stand_in.learn(SHUTDOWN)
    stand_in.behaviour = MODES[mode]

    with pytest.raises(error):
        api.conversation("c1")

    assert (4 if error is Busy else 1) == len(stand_in.requests)


def test_a_wrong_key_is_refused(served):
    """Tavus answers 401, and the message names the possible reasons."""
    with pytest.raises(KeyRefused, match="addresses only"):
        TavusApi(SecretStr("wrong"), served[1]).conversation("c1")


def test_429_is_asked_again_when_tavus_says(api, stand_in, waits):
    """Two refusals with Retry-After, then the answer."""
    stand_in.learn(SHUTDOWN)
    stand_in.behaviour = Behaviour(status=429, retry_after="7", times=2)

    api.conversation("c1")

    assert [7.0, 7.0] == waits


def test_retry_after_may_be_a_date(api, stand_in, waits):
    """RFC 9110 allows both forms."""
    stand_in.learn(SHUTDOWN)
    later = datetime.now(UTC) + timedelta(seconds=40)
    stand_in.behaviour = Behaviour(status=503, retry_after=format_datetime(later, usegmt=True), times=1)

    api.conversation("c1")

    assert 0 < waits[0] <= 40


def test_without_retry_after_the_pauses_grow(api, stand_in, waits):
    """The pauses grow while the server has errors."""
    stand_in.behaviour = MODES["500"]

    with pytest.raises(Busy):
        api.conversation("c1")

    assert [1, 2, 4] == waits


def test_nobody_waits_longer_than_told(served, stand_in, waits):
    """A longer wait is an error that says how long Tavus asks to wait."""
    stand_in.behaviour = Behaviour(status=429, retry_after="3600")

    with pytest.raises(Busy) as raised:
        TavusApi(SecretStr(KEY), served[1], sleep=waits.append).conversation("c1")

    assert ([], 3600) == (waits, raised.value.retry_after)


@pytest.mark.parametrize("said", ["soon", "-1", "Fri, 31 Dec 9999 23:59:59 -2300"])
def test_retry_after_that_is_neither_is_as_none(api, stand_in, waits, said):
    """A header that cannot be parsed is ignored."""
    stand_in.learn(SHUTDOWN)
    stand_in.behaviour = Behaviour(status=429, retry_after=said, times=1)

    api.conversation("c1")

    assert [1] == waits


def test_silence_is_busy():
    """A server that never answers is an error."""
    pool = urllib3.PoolManager(timeout=0.2, retries=False)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(Busy, match="did not answer"):
            TavusApi(SecretStr(KEY), url, patience=0, pool=pool).conversation("c1")


class answering:  # noqa: N801 - read as a word
    """A server that always gives the same answer."""

    def __init__(self, answer):
        self.answer = answer

    def __enter__(self):
        """Return the API behind it."""
        self.listener = take_port(0)
        self.server = serve(self.listener, lambda _: self.answer)
        self.server.__enter__()
        return TavusApi(SecretStr(KEY), f"http://127.0.0.1:{self.listener.getsockname()[1]}")

    def __exit__(self, *error):
        """Stop."""
        self.server.__exit__(*error)
        self.listener.close()


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, (), b"<html>"),
        Answer(200, (), b"[]"),
        Answer(200, (), b'{"conversation_id": "c2"}'),
        Answer(302, (("location", "http://127.0.0.1:9/"),), b""),
        Answer(400, (), b'{"error": "x"}'),
    ],
    ids=["no JSON", "no object", "another's", "redirect", "400"],
)
def test_an_answer_that_is_not_documented_is_unreadable(answer):
    """Nothing is guessed, and no redirect gets the key."""
    with answering(answer) as api, pytest.raises(Unreadable):
        api.conversation("c1")


def test_a_list_without_data_is_unreadable():
    """The rows are in `data`."""
    with answering(Answer(200, (), b"{}")) as api, pytest.raises(Unreadable):
        api.conversations_page(1)


def test_an_answer_beyond_all_measure_is_not_read(monkeypatch):
    """An answer cannot fill the memory."""
    monkeypatch.setattr("tavus_callbacks.outbound.tavus_api._LONGEST", 10)

    with (
        answering(Answer(200, (), b'{"a": "0123456789"}')) as api,
        pytest.raises(Unreadable, match="more than"),
    ):
        api.conversation("c1")


@pytest.mark.parametrize("name", ["..", ".", "a/b", "a?b", "a b", "../personas"])
def test_no_id_leads_the_key_elsewhere(api, stand_in, name):
    """Anybody can send an id in a callback, so only a plain path segment is requested."""
    with pytest.raises(UnknownThere):
        api.conversation(name)

    assert [] == stand_in.requests


@pytest.mark.parametrize("key", ["hidden\nsecret", "hidden\u2026", "hidden\x00"])
def test_a_key_that_no_header_can_hold_is_refused_unquoted(served, stand_in, key):
    """A line break in the key gives an error without the key."""
    with pytest.raises(KeyRefused) as refused:
        TavusApi(SecretStr(key), served[1]).conversation("c1")

    assert "hidden" not in f"{refused.value!r} {refused.value.__context__!r}"
    assert [] == stand_in.requests


def test_the_key_is_in_no_text(served, stand_in):
    """It is neither in `repr` nor in any error."""
    secret = "sk-canary-4711"
    api = TavusApi(SecretStr(secret), served[1], patience=0)
    texts = [repr(api)]
    for mode in MODES.values():
        stand_in.behaviour = Behaviour(**{**vars(mode), "delay": 0})
        try:
            api.conversation("c1")
        except TavusError as error:
            texts.append(f"{error!r} {error} {error.__cause__!r} {error.__context__!r}")

    assert len(MODES) < len(texts) + 1
    assert secret not in "".join(texts)
