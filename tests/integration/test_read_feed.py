"""`GET /events?after=`: whatever writers and clocks do, each event is given, and given once."""

import base64
import json
import zlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from tavus_callbacks.aws.stores import pull
from tavus_callbacks.domain.common.timestamps import iso
from tavus_callbacks.domain.events.feed import SETTLE
from tavus_callbacks.handlers import drain
from tavus_callbacks.logic import keep_callback
from tavus_callbacks_cli.targets.store import Store


def shutdown(number):
    """Make a callback about a conversation of its own."""
    at = "2026-05-01T12:00:00Z"
    return {"event_type": "system.shutdown", "conversation_id": f"c{number}", "timestamp": at}


@dataclass
class Puller:
    """A worker that pulls as docs/api.md says: the cursor of each answer goes into the next question."""

    api: Any
    cursor: str = ""
    given: list[str] = field(default_factory=list)

    def pull(self):
        """Ask once, and return the subjects that were given."""
        page = self.api.get("/events", f"after={self.cursor}&limit=200").value
        self.cursor = page["cursor"]
        given = [one["subject"] for one in page["events"]]
        self.given += given
        return given


@pytest.fixture
def puller(api):
    """Return a worker at the beginning."""
    return Puller(api)


@pytest.fixture
def clocks(monkeypatch):
    """Return what sets the clocks of the receiver and of the reader, apart from the true time."""

    class Clock(datetime):
        ahead = timedelta()

        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + cls.ahead

    monkeypatch.setattr(pull, "datetime", Clock)

    def put(*, receiver=timedelta(), reader=timedelta()):
        Clock.ahead = reader
        for module in (keep_callback, drain):
            monkeypatch.setattr(module, "now", lambda: datetime.now(UTC) + receiver)

    return put


def test_a_late_writer_is_not_skipped(api, puller, clocks):
    """Its time of keeping lies ten seconds before what the worker has been given already."""
    api.post(shutdown(1))
    assert ["c1"] == puller.pull()

    clocks(receiver=-timedelta(seconds=10))
    api.post(shutdown(2))

    assert ["c2"] == puller.pull()
    assert [] == puller.pull()


def test_receivers_whose_clocks_differ_skip_nothing(api, puller, clocks):
    """Clocks up to seven seconds apart either way, and a worker that asks after each callback."""
    for number, skew in enumerate((0, -7, 7, -3, 5, 0, -7, 2)):
        clocks(receiver=timedelta(seconds=skew))
        api.post(shutdown(number))
        puller.pull()
    clocks(reader=2 * SETTLE)
    puller.pull()

    assert [f"c{number}" for number in range(8)] == sorted(puller.given)


def test_a_reader_whose_clock_is_ahead_skips_nothing(api, puller, clocks):
    """A clock seven seconds fast settles sooner, and not too soon."""
    clocks(reader=timedelta(seconds=7))
    api.post(shutdown(1))
    assert ["c1"] == puller.pull()

    clocks(receiver=-timedelta(seconds=7), reader=timedelta(seconds=7))
    api.post(shutdown(2))

    assert ["c2"] == puller.pull()


def spilled(body, received_at):
    """Return a batch of the spill queue with one callback."""
    message = {
        "version": 1,
        "query": "",
        "label": "test",
        "received_at": iso(received_at),
        "encoding": "deflate",
        "body": base64.b64encode(zlib.compress(json.dumps(body).encode())).decode(),
    }
    return {"Records": [{"messageId": "1", "body": json.dumps(message), "eventSource": "aws:sqs"}]}


def test_what_was_spilled_comes_when_it_is_drained(api, puller, clocks):
    """Received an hour before the worker's place, kept after it: given next, with its own time of receipt."""
    received_at = datetime.now(UTC)
    api.post(shutdown(1))
    clocks(receiver=timedelta(hours=1), reader=timedelta(hours=1))
    assert ["c1"] == puller.pull()
    assert [] == puller.pull()

    assert {"batchItemFailures": []} == drain.handler(spilled(shutdown(2), received_at), None)

    page = api.get("/events", f"after={puller.cursor}").value
    assert [("c2", iso(received_at))] == [(one["subject"], one["received_at"]) for one in page["events"]]


def test_after_a_time_means_kept_after_it(api, clocks):
    """A worker that starts at a time misses nothing that was kept later, however early it was received."""
    received_at = datetime.now(UTC)
    clocks(receiver=timedelta(hours=1), reader=timedelta(hours=1))
    drain.handler(spilled(shutdown(1), received_at), None)

    page = api.get("/events", f"after={iso(received_at + timedelta(minutes=59))}").value

    assert ["c1"] == [one["subject"] for one in page["events"]]


@pytest.mark.parametrize("headers", [{"date": "Fri, 01 May 2026 12:00:00 GMT"}, {}])
def test_what_a_laptop_files_has_the_time_of_the_store(headers):
    """A clock that is wrong by months cannot put an event where every worker has gone past it."""
    client = SimpleNamespace(get_item=lambda **_: {"ResponseMetadata": {"HTTPHeaders": headers}})

    found = Store(client, "table", None).now()

    if headers:
        assert datetime(2026, 5, 1, 12, tzinfo=UTC) == found.replace(microsecond=0)
    else:
        assert abs(datetime.now(UTC) - found) < timedelta(minutes=5)
