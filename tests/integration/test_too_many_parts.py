"""Bodies that are dear to read: stored, skipped by readers, and never the end of a conversation's view."""

import json
import random
import time

import pytest
from projecting import facts_of, project_all

from tavus_callbacks.aws.stores.bodies import Bodies
from tavus_callbacks.domain.common.issues import TOO_MANY_PARTS

TRANSCRIPT = "application.transcription_ready"
# Seconds of CPU that a view takes at most.
MOST_SECONDS = 2


def body(transcript, **more):
    """Write a transcript callback."""
    properties = {"transcript": transcript, **more}
    return json.dumps({"conversation_id": "c1", "event_type": TRANSCRIPT, "properties": properties}).encode()


def post(api, *bodies):
    """Post bodies in a random order; return their replies in that of the arguments."""
    order = random.sample(range(len(bodies)), len(bodies))
    replies = {at: api.post(bodies[at], content_type="application/octet-stream") for at in order}
    assert {200} == {reply.status for reply in replies.values()}
    return [replies[at].value for at in range(len(bodies))]


@pytest.fixture
def read_sizes(monkeypatch):
    """Collect the sizes of the bodies that are read."""
    sizes, read = [], Bodies.read
    monkeypatch.setattr(
        Bodies, "read", lambda self, item: sizes.append(item["body_size"]) or read(self, item)
    )
    return sizes


def test_readers_skip_a_body_of_too_many_parts(api, read_sizes):
    """It is not even fetched: by the view, the transcript, a summary, a list or a push; the view names it."""
    shutdown = {"conversation_id": "c1", "event_type": "system.shutdown"}
    [reply] = post(api, body([{}] * 120_000))
    api.post(shutdown)

    project_all(api)
    view, transcript = api.get("/conversations/c1"), api.get("/conversations/c1/transcript")
    shown = [event for event in api.events("c1") if event["issues"] == [TOO_MANY_PARTS]]

    assert {"count": 1, "event_ids": [reply["event_id"]]} == view.value["skipped"]
    assert ("ended", None) == (view.value["status"], view.value["transcript"])
    assert (404, True) == (transcript.status, "too large to read" in transcript.value["detail"])
    assert [f"/events/{reply['event_id']}/body"] == [event["body_url"] for event in shown]
    assert "transcript" not in json.loads(facts_of(api, "conversation", "c1"))
    assert read_sizes
    assert max(read_sizes) < 1000


def test_a_resource_skips_such_a_body(api):
    """Its status is not known, and the view says why."""
    reply = api.post({"video_id": "v1", "status": "ready", "x": [{}] * 120_000})

    view = api.get("/videos/v1").value

    assert ("unknown", [reply.value["event_id"]]) == (view["status"], view["skipped"]["event_ids"])


def objective(number):
    """Write an objective with as many members as are parsed: the dearest body for a view."""
    values = {f"{name}": number for name in range(149_000)}
    raw = {"conversation_id": "c1", "objective_name": f"a{number}", "output_variables": values}
    return json.dumps(raw, separators=(",", ":")).encode()


def turns(number):
    """Write a transcript of as many short turns as are parsed."""
    spoken = [{"role": ("user", "ai")[turn % 2], "content": f"{turn}"} for turn in range(59_000)]
    return body(spoken, number=number)


@pytest.mark.slow
@pytest.mark.parametrize("make", [objective, turns, lambda number: body([int("9" * 4300)] * 1000, x=number)])
def test_no_set_of_bodies_makes_a_conversation_unreadable(api, make):
    """Whatever a stranger posts, the view is answered within 2 s of CPU and names what it left out."""
    small = {"conversation_id": "c1", "event_type": "system.shutdown", "properties": {"shutdown_reason": "x"}}
    post(api, *map(make, range(5)))
    api.post(small)

    began = time.process_time()
    view = api.get("/conversations/c1")
    taken = time.process_time() - began

    assert (200, "ended") == (view.status, view.value["status"])
    assert view.value["skipped"]["count"] >= 2
    assert taken < MOST_SECONDS


@pytest.mark.slow
def test_what_is_read_does_not_depend_on_the_order_of_arrival(api):
    """The smallest bodies are read, whichever came first."""
    replies = post(api, *(body([{"role": "user"}] * count) for count in (70_000, 50_000, 60_000)))

    view = api.get("/conversations/c1").value

    assert [replies[0]["event_id"]] == view["skipped"]["event_ids"]


@pytest.mark.slow
def test_an_ordinary_conversation_is_read_whole(api):
    """Hundreds of events and one transcript of 4.2 MB are within what an answer reads."""
    said = "Well, yes: at 10:30, [or so]. " * 4
    spoken = [
        {"role": "user", "content": said, "seconds_from_start": 1.5, "duration": 2.5} for _ in range(20_000)
    ]
    spoken = [turn | {"content": f"{at} {said}"} for at, turn in enumerate(spoken)]
    raw = body(spoken)
    for number in range(200):
        api.post({"conversation_id": "c1", "event_type": "system.x", "properties": {"n": number}})

    [reply] = post(api, raw)
    view = api.get("/conversations/c1").value

    assert 4_000_000 < len(raw) < 4_300_000
    assert ([], None, 20_000) == (reply["issues"], view["skipped"], view["transcript"]["turns"])
