"""`sync` against the API itself: its feed, its lists, its erasures and its encodings."""

import json
import sqlite3
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from inprocess import Api
from projecting import post_scenario, project_all

from tavus_callbacks.aws import clients
from tavus_callbacks.aws.stores.tombstones import Tombstones
from tavus_callbacks_cli.sync.progress import Progress
from tavus_callbacks_cli.sync.run import sync
from tavus_callbacks_cli.targets.api_client import ApiClient

NOW = datetime.now(UTC)
UNUSUAL = ["a,b", "100%", "a%2Cb", "a/b?c=d&e", "..", "日本 🎬", "~x", "o'brien", 'say "hi"', "-x"]


@dataclass(frozen=True)
class ApiTarget:
    """The API in this process as a target of commands."""

    api: Api
    name: str = "a test"
    api_url: str = "https://api.test"

    @contextmanager
    def open_api(self, _scope):
        """Open it with its read token."""

        def answer(request: httpx.Request) -> httpx.Response:
            path, _, query = request.url.raw_path.partition(b"?")
            reply = self.api.get(path.decode(), query.decode())
            return httpx.Response(reply.status, headers=reply.headers, content=reply.body)

        with httpx.Client(base_url=self.api_url, transport=httpx.MockTransport(answer)) as http:
            yield ApiClient(http, "", "")


@pytest.fixture
def copy(api, tmp_path):
    """Give what syncs a file and returns the counts, and what queries the file."""
    calls = tmp_path / "calls.db"

    def sync_again(*, with_simulated=True, is_mirror=False):
        progress = Progress(lambda *_: None, lambda _: None)
        return sync(ApiTarget(api), calls, progress, with_simulated=with_simulated, is_mirror=is_mirror)

    def query(statement):
        with closing(sqlite3.connect(calls)) as connection:
            return connection.execute(statement).fetchall()

    return sync_again, query


def erase(api, kind, subject):
    """Add a tombstone as `erase` does."""
    tombstones = Tombstones(clients.dynamodb(), api.environment["EVENTS_TABLE"])
    tombstones.add(kind, subject, at=NOW, lifetime=None)


def shutdown(conversation_id, **members):
    """Return the body of a shutdown."""
    body = {"event_type": "system.shutdown", "conversation_id": conversation_id, "message_type": "system"}
    return {**body, "timestamp": NOW.isoformat(), "properties": {"shutdown_reason": "x"}} | members


def test_a_copy_has_what_the_api_answers(api, copy):
    """Every event of every kind with its body, variants too, and the list's own status."""
    sync_again, query = copy
    for scenario in ("conversation", "video", "replica", "objectives", "document", "duplicates"):
        post_scenario(api, scenario, now=NOW, query="user=4711")
    variant = {"properties": {"shutdown_reason": "x", "more": [1, 2.5, None, "é"]}}
    for body in (shutdown("c1"), shutdown("c1") | variant):
        api.post(body)
    project_all(api)
    sync_again()

    listed = {item["conversation_id"]: item for item in api.pages("/conversations", "conversations")}
    pulled = {event.get("variant_id") or event["event_id"]: event for event in api.pull()}
    stored = {id_: json.loads(body) for id_, body in query("SELECT event_id, body FROM events")}
    assert {id_: event["body"] for id_, event in pulled.items()} == stored
    assert any("-v" in id_ for id_ in stored)
    statuses = dict(query("SELECT conversation_id, status FROM conversations"))
    assert {id_: item["status"] for id_, item in listed.items()} == statuses
    subjects = {(event["kind"], event["subject"]) for event in pulled.values()}
    for table, kind in (("videos", "video"), ("replicas", "replica"), ("resources", "document")):
        rows = query(f"SELECT count(*) FROM {table}")  # noqa: S608 - literals
        assert [(sum(each[0] == kind for each in subjects),)] == rows


def test_bodies_come_as_they_were_kept(api, copy):
    """One above 256 KB has its own request; half an emoji is what the API answers for it."""
    sync_again, query = copy
    large, half = shutdown("c1", words="é" * 200_000), shutdown("c2", words="half")
    for body in (json.dumps(large, indent=1), json.dumps(half).replace("half", "\\ud83d")):
        assert 200 == api.post(body.encode()).status
    sync_again()

    [(kept,), (replaced,)] = query("SELECT body FROM events ORDER BY subject")
    [event_id] = [event["event_id"] for event in api.events("c1")]
    assert api.get(f"/events/{event_id}/body").body.decode() == kept
    assert "\ufffd" == json.loads(replaced)["words"]


def test_unusual_ids_are_asked_for_as_the_api_takes_them(api, copy):
    """Commas, percent signs, slashes and letters of any script: each conversation has its list item."""
    sync_again, query = copy
    for id_ in UNUSUAL:
        assert 200 == api.post(shutdown(id_), at=NOW - timedelta(hours=2)).status
    project_all(api)
    sync_again()

    assert sorted(UNUSUAL) == sorted(id_ for (id_,) in query("SELECT conversation_id FROM conversations"))
    # Settled by their list items, none is asked for again but those that miss a transcript.
    seen = query("SELECT conversation_id, listed FROM sync_unsettled")
    assert {id_: id_ for id_ in UNUSUAL} == {id_: json.loads(item)["conversation_id"] for id_, item in seen}


def test_erased_subjects_of_every_kind_go_and_stay_away(api, copy):
    """A tombstone removes the subject, and its events that the stack still shows are dropped."""
    sync_again, query = copy
    ids = post_scenario(api, "conversation", now=NOW)
    video = post_scenario(api, "video", now=NOW)["video_id"]
    api.post(shutdown("c1"))
    sync_again()
    erase(api, "conversation", ids["conversation_id"])
    erase(api, "video", video)
    counts = sync_again()

    assert (2, 1) == (counts.erased, counts.events)
    assert [("c1",)] == query("SELECT conversation_id FROM conversations")
    assert (0, 0) == (sync_again().erased, sync_again().new_events)


def test_a_mirror_keeps_what_the_stack_has(api, copy):
    """A conversation that no list has yet is on the stack all the same; one without events is not."""
    sync_again, query = copy
    api.post(shutdown("c1"))
    api.post(shutdown("c2"))
    sync_again()
    events = clients.dynamodb()
    for item in api.items():
        if item["pk"] == "conversation#c2":
            key = {name: {"S": item[name]} for name in ("pk", "sk")}
            events.delete_item(TableName=api.environment["EVENTS_TABLE"], Key=key)

    assert 0 == sync_again().removed
    assert 1 == sync_again(is_mirror=True).removed
    assert [("c1",)] == query("SELECT DISTINCT subject FROM events")


def test_simulated_data_stays_out_of_a_copy_of_real_data(api, copy):
    """The filter of the feed counts, not the first page alone."""
    sync_again, query = copy
    for number in range(3):
        api.post(shutdown(f"s{number}"), query="simulated=true")
    api.post(shutdown("c1"))
    sync_again(with_simulated=False)

    assert [("c1", 0)] == query("SELECT subject, simulated FROM events")
