"""Keeping: the same callback twice is one event, other content for it a variant, and nothing is dropped."""

import json
import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from botocore.client import BaseClient

from samples import TOKEN
from tavus_callbacks.domain.common import issues
from tavus_callbacks_cli.local_stack.http.payload import Request

AT = "2026-07-11T06:48:37.564961Z"
SHUTDOWN = {
    "properties": {"replica_id": "r1", "shutdown_reason": "participant_left_timeout"},
    "conversation_id": "c1",
    "event_type": "system.shutdown",
    "message_type": "system",
    "timestamp": AT,
}
READY = {"replica_id": "r1", "status": "ready"}
START = datetime(2026, 7, 11, 7, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def outcome(reply):
    """Return what an answer says was done."""
    assert 200 == reply.status
    return reply.value["status"], reply.value["issues"]


def bodies(event):
    """Return the bodies of an event and its variants."""
    return [event["body"], *(variant["body"] for variant in event.get("variants", []))]


def at_once(call, values):
    """Call with all values at the same moment, each in a thread of its own."""
    gate = threading.Barrier(len(values))

    def wait_and_call(value):
        gate.wait()
        return call(value)

    with ThreadPoolExecutor(len(values)) as pool:
        return list(pool.map(wait_and_call, values))


def test_a_stored_event_is_answered_and_read_with_all_members(api):
    """The answer names what was understood; reading gives it back with times, label and tags."""
    reply = api.post(SHUTDOWN, query="user=4711&plan=gold", at=START)

    answer = reply.value
    assert {
        "event_id": answer["event_id"],
        "status": "stored",
        "family": "conversation",
        "kind": "conversation",
        "subject": "c1",
        "event_type": "system.shutdown",
        "issues": [],
    } == answer
    expected = {name: value for name, value in answer.items() if name != "status"} | {
        "occurred_at": AT,
        "received_at": "2026-07-11T07:00:00.000000Z",
        "label": "test",
        "source": "callback",
        "tags": {"user": "4711", "plan": "gold"},
        "body": SHUTDOWN,
    }
    assert [expected] == api.events("c1")
    assert [expected] == api.get("/conversations/c1/events").value["events"]
    assert [expected] == api.pull()


BELOW = ["/", "//", "/webhook", "/webhook/", "/a/b?user=4711", "/%2F", "/rest-canary"]


@pytest.mark.parametrize("rest", BELOW)
def test_any_path_below_the_token_is_the_same_callback_url(api, rest):
    """People append `/webhook` or a slash: the event is kept as if they had not."""
    path, _, query = f"/callbacks/{api.token}{rest}".partition("?")
    first = api.post(SHUTDOWN, query=query)

    again = api.send(Request("POST", path.encode(), query.encode(), body=json.dumps(SHUTDOWN).encode()))
    ready = api.send(Request("GET", path.encode(), query.encode()))

    assert "duplicate" == outcome(again)[0]
    assert first.value["event_id"] == again.value["event_id"]
    assert (200, {"label": "test", "ready": True}) == (ready.status, ready.value)


@pytest.mark.parametrize("sent", [SHUTDOWN, {}, None])
def test_the_rest_of_the_path_is_neither_stored_nor_logged(api, sent):
    """Nothing that is kept, answered or logged repeats it, though Tavus repeats the URL in each body."""
    path = f"/callbacks/{api.token}/rest-canary/{api.token}"
    echo = {"webhook_url": f"https://example.com{path}?user=4711"}
    body = b"nope" if sent is None else json.dumps(sent | echo).encode()

    reply = api.send(Request("POST", path.encode(), body=body))

    said = [*api.everything_kept(), api.log.getvalue().encode(), reply.body]
    assert 2 == len([item for item in api.items() if item["type"] in ("event", "quarantine", "use")])
    assert not [text for text in said if b"rest-canary" in text or api.token.encode() in text]


@pytest.mark.parametrize(
    "again",
    [
        SHUTDOWN,
        dict(reversed(SHUTDOWN.items())),
        SHUTDOWN | {"webhook_url": "https://example.com/callbacks/x?user=1"},
        SHUTDOWN | {"callback_url": None},
    ],
)
def test_the_same_callback_twice_is_one_event(api, again):
    """Whatever its form and wherever it came from, the second answer says `duplicate` and names the first."""
    first = api.post(SHUTDOWN)

    second = api.post(
        again, token=api.create_token("other"), query="user=4711", at=START + timedelta(days=300)
    )

    assert "duplicate" == outcome(second)[0]
    assert first.value["event_id"] == second.value["event_id"]
    assert [SHUTDOWN] == [event["body"] for event in api.pull()]


def test_other_content_for_an_event_is_a_variant(api):
    """A poorer or richer copy is stored beside what came first, flagged, and once only."""
    poorer = {name: value for name, value in SHUTDOWN.items() if name != "message_type"} | {"properties": {}}

    outcomes = [outcome(api.post(body)) for body in (SHUTDOWN, poorer, poorer, SHUTDOWN)]

    assert [
        ("stored", []),
        ("stored", [issues.VARIANT]),
        ("duplicate", [issues.VARIANT]),
        ("duplicate", []),
    ] == outcomes
    [event] = api.events("c1")
    [variant] = event["variants"]
    assert (SHUTDOWN, poorer) == (event["body"], variant["body"])
    assert [issues.VARIANT] == variant["issues"]
    assert event["event_id"] == variant["event_id"]
    assert json.dumps(poorer).encode() == api.get(f"/events/{variant['variant_id']}/body").body


def test_a_copy_from_the_verbose_record_makes_no_second_event(api):
    """An event that a reconciler rebuilds from the record is the event that was delivered."""
    joined = {
        "properties": {"replica_id": "r1"},
        "conversation_id": "c1",
        "webhook_url": f"https://example.com/callbacks/{api.token}",
        "event_type": "system.replica_joined",
        "message_type": "system",
        "timestamp": "2026-07-11T06:45:47.472000Z",
    }
    copy = {
        "event_type": "system.replica_joined",
        "timestamp": "2026-07-11T06:45:47.472Z",
        "properties": {},
        "conversation_id": "c1",
    }

    first, second = api.post(joined), api.post(copy)

    assert first.value["event_id"] == second.value["event_id"]
    assert [issues.VARIANT] == second.value["issues"]
    assert 1 == len(api.events("c1"))


def test_any_order_and_repetition_gives_the_same_events(api):
    """Arrival changes nothing: events come back by their own time, those without one last."""
    callbacks = [SHUTDOWN | {"timestamp": f"2026-07-11T06:48:{second:02}Z"} for second in range(8)]
    untimed = {name: value for name, value in SHUTDOWN.items() if name != "timestamp"}
    arrivals = [*callbacks, untimed] * 2
    random.Random(1).shuffle(arrivals)  # noqa: S311 - an order, no secret

    for body in arrivals:
        api.post(body)

    assert [*callbacks, untimed] == [event["body"] for event in api.events("c1")]


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (timedelta(0), "duplicate"),
        (59 * MINUTE, "duplicate"),
        (60 * MINUTE, "duplicate"),
        (-60 * MINUTE, "duplicate"),
        (60 * MINUTE + timedelta(milliseconds=1), "stored"),
        (-60 * MINUTE - timedelta(milliseconds=1), "stored"),
        (timedelta(days=100), "stored"),
    ],
)
def test_a_timeless_repeat_is_a_duplicate_for_60_minutes(api, after, expected):
    """Without a time in the body, the same content again within an hour is a repeat, later a new event."""
    first = api.post(READY, at=START)

    second = api.post(READY | {"webhook_url": "https://example.com"}, at=START + after)

    assert expected == outcome(second)[0]
    assert (expected == "duplicate") is (first.value["event_id"] == second.value["event_id"])
    assert (1 if expected == "duplicate" else 2) == len(api.events("r1", kind="replica"))


def test_the_window_counts_from_what_was_kept(api):
    """A duplicate prolongs nothing; a new event opens a window of its own."""
    minutes = [0, 50, 61, 100, 121, 122, 30]

    outcomes = [outcome(api.post(READY, at=START + minute * MINUTE))[0] for minute in minutes]

    assert ["stored", "duplicate", "stored", "duplicate", "duplicate", "stored", "duplicate"] == outcomes
    assert 3 == len({event["event_id"] for event in api.events("r1", kind="replica")})


def test_a_late_repeat_is_answered_with_the_event_it_repeats(api):
    """A duplicate of a later event names that one, and its body can be read."""
    api.post(READY, at=START)
    second = api.post(READY, at=START + 90 * MINUTE)

    third = api.post(READY, at=START + 100 * MINUTE)

    assert (second.value["event_id"], "duplicate") == (third.value["event_id"], third.value["status"])
    assert json.dumps(READY).encode() == api.get(f"/events/{third.value['event_id']}/body").body


@pytest.mark.parametrize(("after", "expected"), [(130, "duplicate"), (240, "stored")])
def test_a_repeat_that_another_overtook_is_judged_by_that(api, monkeypatch, after, expected):
    """A writer that did not see a repeat just before finds its place taken, and compares the times."""
    api.post(READY, at=START)
    overtaker = api.post(READY, at=START + 120 * MINUTE)
    call = BaseClient._make_api_call

    def seeing_no_repeats(client, operation, parameters):
        found = call(client, operation, parameters)
        return {**found, "Items": []} if operation == "Query" else found

    with monkeypatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", seeing_no_repeats)
        reply = api.post(READY, at=START + after * MINUTE)

    assert expected == reply.value["status"]
    assert (expected == "duplicate") is (overtaker.value["event_id"] == reply.value["event_id"])
    assert (2 if expected == "duplicate" else 3) == len(api.events("r1", kind="replica"))


def test_late_repeats_at_once_make_one_event(api):
    """Twenty timeless repeats that come at the same moment after the window are one new event."""
    api.post(READY, at=START)

    replies = at_once(lambda _: api.post(READY, at=START + 2 * 60 * MINUTE), range(20))

    assert {"stored": 1, "duplicate": 19} == Counter(outcome(reply)[0] for reply in replies)
    assert 2 == len(api.events("r1", kind="replica"))


@pytest.mark.parametrize("body", [SHUTDOWN, READY])
def test_fifty_identical_posts_at_once_are_one_event(api, body):
    """One of fifty is stored, 49 are duplicates, all name the same event."""
    replies = at_once(lambda _: api.post(body, at=START), range(50))

    assert {"stored": 1, "duplicate": 49} == Counter(outcome(reply)[0] for reply in replies)
    assert 1 == len({reply.value["event_id"] for reply in replies})
    assert [body] == [event["body"] for event in api.pull()]


def test_fifty_contents_of_one_event_at_once_are_all_kept(api):
    """Fifty different bodies of one identity are one event, and none is lost."""
    contents = [SHUTDOWN | {"properties": {"number": number}} for number in range(50)]

    replies = at_once(api.post, contents)

    assert {("stored", 0): 1, ("stored", 1): 49} == Counter(
        (reply.value["status"], len(set(reply.value["issues"]) & {issues.VARIANT})) for reply in replies
    )
    [event] = api.events("c1")
    assert sorted(map(json.dumps, contents)) == sorted(map(json.dumps, bodies(event)))
    assert 1 == len({reply.value["event_id"] for reply in replies})


def test_fifty_different_callbacks_at_once_are_fifty_events(api):
    """A burst about many subjects loses and mixes nothing."""
    callbacks = [SHUTDOWN | {"conversation_id": f"c{number}"} for number in range(50)]

    replies = at_once(api.post, callbacks)

    assert {"stored": 50} == Counter(outcome(reply)[0] for reply in replies)
    assert {body["conversation_id"] for body in callbacks} == {event["subject"] for event in api.pull()}


@pytest.mark.parametrize("content", ["pal", "replica"])
def test_two_names_for_one_moment_are_two_events(api, content):
    """Since 2026 two events are sent for a join; each is kept under its own type."""
    body = SHUTDOWN | {"properties": {f"{content}_id": "x"}}

    for event_type in ("system.pal_joined", "system.replica_joined"):
        api.post(body | {"event_type": event_type})

    assert {"system.pal_joined", "system.replica_joined"} == {
        event["event_type"] for event in api.events("c1")
    }


@pytest.mark.parametrize(
    ("query", "tags", "dropped"),
    [
        ("user=4711", {"user": "4711"}, False),
        (
            "&".join(f"n{number}={number}" for number in range(10)),
            {f"n{n}": str(n) for n in range(10)},
            False,
        ),
        ("&".join(f"n{number}={number}" for number in range(11)), {f"n{n}": str(n) for n in range(10)}, True),
        (f"a={'x' * 100}&b={'x' * 101}", {"a": "x" * 100}, True),
        (f"t={TOKEN}&user=1", {"user": "1"}, True),
        ("line=%0A", {}, True),
    ],
)
def test_the_urls_query_becomes_tags_within_limits(api, query, tags, dropped):
    """Ten parameters of a hundred characters are tags; what goes beyond is dropped and flagged."""
    reply = api.post(SHUTDOWN, query=query)

    [event] = api.events("c1")
    assert (tags, dropped) == (event["tags"], issues.TAG_DROPPED in reply.value["issues"])


def test_issues_are_capped(api):
    """However much of a body is unknown, its issues are few."""
    reply = api.post(SHUTDOWN | {f"name{number}": number for number in range(1000)})

    assert (issues.LIMIT + 1, issues.MORE_ISSUES) == (len(reply.value["issues"]), reply.value["issues"][-1])


@pytest.mark.parametrize(("days", "expires"), [("0", False), ("30", True)])
def test_events_expire_where_the_template_says_so(api, monkeypatch, days, expires):
    """With a retention an item carries the time at which the table drops it, without one none."""
    from inprocess import forget

    monkeypatch.setenv("EVENT_RETENTION_DAYS", days)
    forget()
    api.post(SHUTDOWN)

    [item] = [item for item in api.items() if item["type"] == "event"]

    assert expires is ("expires_at" in item)
    if expires:
        left = int(item["expires_at"]) - datetime.now(UTC).timestamp()
        assert 29 * 86400 < left <= 30 * 86400


def test_what_our_own_rules_stumble_over_is_kept(api, monkeypatch):
    """A fault of the receiver never loses a callback: it is quarantined, and the log says where."""
    from tavus_callbacks.domain.callbacks import intake

    def stumble(_):
        raise RecursionError(SHUTDOWN["event_type"])

    monkeypatch.setattr(intake, "classify", stumble)

    reply = api.post(SHUTDOWN)

    assert (422, 1) == (reply.status, len(api.quarantine()))
    [record] = [record for record in api.records() if record["message"] == "callback"]
    assert record["fault"].startswith("RecursionError at stumble:")
    assert "system.shutdown" not in json.dumps(record)


def test_one_record_is_logged_a_callback(api):
    """Each callback is one line: who, what, how long, what became of it."""
    api.post(SHUTDOWN)
    api.post(SHUTDOWN)
    api.post(b"nope")
    api.post(SHUTDOWN, token="nobody")

    records = api.records()

    assert ["stored", "duplicate", "quarantined", "Refused"] == [record["outcome"] for record in records]
    assert ["test", "test", "test", None] == [record.get("label") for record in records]
    assert 4 == len({record["request_id"] for record in records})
    assert len(json.dumps(SHUTDOWN)) == records[0]["bytes"]
