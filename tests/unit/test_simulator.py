"""Scenarios hold Tavus's callbacks, with fresh ids that differ from real ones."""

import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tavus_callbacks.domain.callbacks.event import repeat_window
from tavus_callbacks.domain.callbacks.intake import parse_event
from tavus_callbacks.domain.common import timestamps
from tavus_callbacks.domain.common.errors import NotAnObject, Unfileable
from tavus_callbacks_cli.simulator import scenario as simulator
from tavus_callbacks_cli.simulator.scenario import Callback, Expectation, Rendered, Scenario, ScenarioError
from tavus_callbacks_cli.simulator.send import COMPRESSION, Outcome, send

NOW = datetime(2027, 3, 1, 12, 30, 15, 250_000, tzinfo=UTC)
CALLBACK_URL = "https://example.com/callbacks/some-token?user=4711"
NAMES = simulator.names()

# The catalogue of what Tavus sends: families by the id that names their subject, events by their type.
EVENT_TYPES = {
    "system.replica_joined",
    "system.pal_joined",
    "system.shutdown",
    "application.transcription_ready",
    "application.recording_ready",
    "application.recording_copy_failed",
    "application.perception_analysis",
    "application.perception_unavailable",
    "application.post_call_action_executed",
    "application.memory_consolidation",
    "application.raven_memory_evidence",
    "application.perception_tool_call",
    "canvas.interaction",
    "conversation.objective.activated",
    "conversation.objective.completed",
    "conversation.objective.pending",
    "conversation.guardrail.triggered",
}
FAMILIES = {
    "conversation",
    "objective",
    "guardrail",
    "replica",
    "video",
    "document",
    "lipsync",
    "replacement",
    "transcription",
    "speech",
}


def rendered(name):
    """Render a scenario with ids and times of its own."""
    ids = simulator.fresh_ids()
    return simulator.render(simulator.load(name), callback_url=CALLBACK_URL, now=NOW, ids=ids)


def understood(callback):
    """Return the event that the receiver parses from a rendered callback."""
    return parse_event(callback.body, query="simulated=true", label="test", received_at=NOW)


def events():
    """Return every event of every scenario that is to be kept."""
    kept = (one for name in NAMES for one in rendered(name) if one.expect.status_code == 200)
    return [understood(one) for one in kept]


def scenario_of(**callback):
    """Return a scenario of one callback."""
    expect = Expectation(status_code=200, status="stored")
    return Scenario(name="one", description="One.", callbacks=[Callback(**callback, expect=expect)])


@pytest.mark.parametrize("name", NAMES)
def test_a_body_renders_to_json(name):
    """A callback with a `body` renders to a JSON object with the same members."""
    for callback, sent in zip(simulator.load(name).callbacks, rendered(name), strict=True):
        if callback.body is not None:
            assert callback.body.keys() == json.loads(sent.body).keys()


@pytest.mark.parametrize("name", NAMES)
def test_no_placeholder_is_left(name):
    """Everything in braces has been filled in."""
    for sent in rendered(name):
        assert not simulator._PLACEHOLDER.search(sent.body.decode())


@pytest.mark.parametrize("name", NAMES)
def test_what_a_scenario_expects_is_what_the_receiver_makes_of_it(name):
    """Refused with 400 or 422, stored, or a duplicate of an earlier one: as the scenario says."""
    stored, now = {}, NOW
    for sent in rendered(name):
        now += timedelta(seconds=sent.delay * COMPRESSION)
        assert sent.expect == outcome(sent, now, stored)


def outcome(sent, now, stored):
    """Return the answer that the contract gives to a callback; `stored` has when each identity was stored."""
    try:
        event = parse_event(sent.body, query="simulated=true", label="test", received_at=now)
    except NotAnObject:
        return Expectation(status_code=400)
    except Unfileable:
        return Expectation(status_code=422)
    identity = (event.event_id, event.content)
    is_recent = identity in stored and now - stored[identity] <= repeat_window(event.family)
    is_duplicate = identity in stored if event.occurred_at else is_recent
    stored |= {} if is_duplicate else {identity: now}
    return Expectation(status_code=200, status="duplicate" if is_duplicate else "stored")


def test_every_known_event_type_is_in_some_scenario():
    """Whatever Tavus is known to send about a conversation can be tried."""
    assert {event.event_type for event in events()} >= EVENT_TYPES


def test_every_family_is_in_some_scenario():
    """No family of callbacks is left out."""
    assert {event.family for event in events()} == FAMILIES


def test_nothing_is_dated_after_it_is_sent():
    """Simulated callbacks report the past, as real ones do."""
    times = [event.occurred_at for event in events() if event.occurred_at]

    assert max(times) < NOW


def test_only_drift_has_issues():
    """The other scenarios follow Tavus's documentation, so the receiver flags nothing in them."""
    flagged = {
        (name, event.issues)
        for name in NAMES
        for event in (understood(one) for one in rendered(name) if one.expect.status_code == 200)
        if event.issues and name != "drift"
    }

    assert not flagged


def test_ids_are_fresh_and_recognisable():
    """Two runs never share a conversation, and simulated ids are recognisable."""
    first, second = simulator.fresh_ids(), simulator.fresh_ids()

    assert not set(first.values()) & set(second.values())
    assert first["conversation_id"].startswith("csim")
    assert {17} == {len(value) for value in first.values()}


@pytest.mark.parametrize(
    ("callback_url", "expected"),
    [
        ("https://example.com/callbacks/t", "https://example.com/callbacks/t?simulated=true"),
        ("https://example.com/callbacks/t?user=1", "https://example.com/callbacks/t?user=1&simulated=true"),
    ],
)
def test_simulated_callbacks_carry_a_tag(callback_url, expected):
    """The tag is added to those of the URL."""
    assert expected == simulator.simulated_url(callback_url)


def test_times_are_written_as_tavus_writes_them():
    """One moment in every form, each read back by the receiver as that moment."""
    forms = {name: f"{{{name}-12.25}}" for name in ("time", "milliseconds", "zoneless", "epoch")}

    [sent] = simulator.render(scenario_of(body=forms), callback_url=CALLBACK_URL, now=NOW, ids={})

    times = json.loads(sent.body)
    assert times == {
        "time": "2027-03-01T12:30:03.000000Z",
        "milliseconds": "2027-03-01T12:30:03.000Z",
        "zoneless": "2027-03-01 12:30:03.000000",
        "epoch": 1803904203.0,
    }
    assert {NOW - timedelta(seconds=12.25)} == {timestamps.parse(time) for time in times.values()}


def test_raw_text_is_sent_as_it_stands():
    """Text that is not JSON is sent unchanged."""
    [sent] = simulator.render(
        scenario_of(raw='{"conversation_id": "{conversation_id}", }'),
        callback_url=CALLBACK_URL,
        now=NOW,
        ids={"conversation_id": "csim1"},
    )

    assert sent.body == b'{"conversation_id": "csim1", }'


def test_an_unknown_placeholder_is_an_error():
    """A slip in a scenario is named, not sent."""
    with pytest.raises(ScenarioError, match=r"\{nobody\} is not a placeholder"):
        simulator.render(scenario_of(raw="{nobody}"), callback_url=CALLBACK_URL, now=NOW, ids={})


def test_an_unknown_scenario_names_those_there_are():
    """A slip on the command line is answered with the choice."""
    with pytest.raises(ScenarioError, match=r"'convesation' is not a scenario\. Use one of: canvas, "):
        simulator.load("convesation")


@pytest.mark.parametrize("callback", [{}, {"body": {}, "raw": ""}])
def test_a_callback_is_either_body_or_text(callback):
    """A callback needs exactly one of the two."""
    with pytest.raises(ValueError, match="either body or raw"):
        scenario_of(**callback)


def test_callbacks_are_posted_in_order_and_their_answers_handed_on():
    """One POST after the other, JSON, to the tagged URL; answers come as they arrive."""
    seen = []

    def receive(request):
        seen.append((request.method, str(request.url), request.headers["content-type"], request.content))
        return (
            httpx.Response(200, json={"status": "stored"})
            if len(seen) == 1
            else httpx.Response(502, text="?")
        )

    expect = Expectation(status_code=200, status="stored")
    two = [Rendered(body, 0, expect) for body in (b"{}", b"[]")]

    with httpx.Client(transport=httpx.MockTransport(receive)) as client:
        answers = list(send(two, CALLBACK_URL, client))

    url = f"{CALLBACK_URL}&simulated=true"
    assert seen == [("POST", url, "application/json", b"{}"), ("POST", url, "application/json", b"[]")]
    assert answers == [Outcome(expect, 200, {"status": "stored"}), Outcome(expect, 502, "?")]


def test_each_callback_waits_for_its_delay(monkeypatch):
    """The pace is the scenario's."""
    waited = []
    monkeypatch.setattr("time.sleep", waited.append)
    paced = [Rendered(b"{}", delay, Expectation(status_code=200)) for delay in (0, 1.5)]

    with httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200, json={}))) as client:
        list(send(paced, CALLBACK_URL, client))

    assert waited == [0, 1.5]


def test_a_failed_copy_has_the_members_that_tavus_documents():
    """The key among them, by which the file is recognised when it comes later."""
    callback = rendered("copy-failed")[-1]
    body = json.loads(callback.body)

    assert {"recording_id", "s3_key", "duration", "storage_provider", "error_code", "error_message"} == set(
        body["properties"]
    )
    assert body["properties"]["s3_key"].startswith(f"tavus/{body['conversation_id']}/")
    assert () == understood(callback).issues
