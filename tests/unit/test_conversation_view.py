"""The view of a conversation, whatever order and form its callbacks had."""

import itertools
import json
import time
from dataclasses import replace
from datetime import timedelta

import pytest
from folding import (
    CONVERSATION,
    JSON,
    NOW,
    SETTINGS,
    gather_facts,
    recording,
    said,
    scenario,
    stored_event,
    transcript,
    without_receipt,
)
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tavus_callbacks.domain.callbacks import event_types
from tavus_callbacks.domain.callbacks.event import variant_ref
from tavus_callbacks.domain.common.timestamps import iso
from tavus_callbacks.domain.conversations.expected import conversation_status, missing_parts
from tavus_callbacks.domain.conversations.facts import Facts, conversation_facts
from tavus_callbacks.domain.conversations.view import Conversation, fold_conversation
from tavus_callbacks.domain.recordings.claim import read_claim
from tavus_callbacks_cli.simulator import scenario as simulator

JOINED, SHUTDOWN = "system.replica_joined", "system.shutdown"
TURNS = ({"role": "user", "content": "Hi."}, {"role": "assistant", "content": "Yes?"})
CONVERSATIONS = sorted(
    name for name in simulator.names() if any(one.kind == "conversation" for one in scenario(name))
)


def folded(*events, now=NOW, settings=SETTINGS, **more):
    """Return the view of events, which must match its model and be JSON."""
    view = fold_conversation(CONVERSATION, events, now=now, settings=settings, **more)
    json.dumps(view, allow_nan=False, ensure_ascii=False).encode()
    assert view == Conversation.model_validate(view).model_dump(mode="json")
    return view


def at(seconds):
    """Return the time of an event that `said` makes with so many seconds."""
    return (NOW - timedelta(hours=1) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def later(seconds):
    """Return the arguments to fold some seconds after the moment of `said`."""
    return NOW - timedelta(hours=1) + timedelta(seconds=seconds)


def missing(*events, seconds=100_000.0, **expected):
    """Return the missing parts, some seconds after the moment of `said`."""
    view = folded(*events, now=later(seconds), settings=replace(SETTINGS, **expected))
    return {one["what"]: one["overdue"] for one in view["missing"]}


def test_joining_and_end_make_a_duration():
    """The view has replica, times, duration and the reason of the end."""
    view = folded(
        said(JOINED, replica_id="r1"), said(SHUTDOWN, 45.5, shutdown_reason="max_call_duration reached")
    )

    assert ("ended", at(0), at(45.5), 45.5) == (
        view["status"],
        view["joined_at"],
        view["ended_at"],
        view["duration"],
    )
    assert ("max_call_duration", "max_call_duration reached") == (
        view["ending"]["code"],
        view["ending"]["reason"],
    )


@pytest.mark.parametrize("gap", [0, 1.9])
def test_both_names_of_one_moment_are_one_joining(gap):
    """`pal_joined` and `replica_joined` at one moment are one joining."""
    view = folded(said(JOINED, replica_id="r1"), said("system.pal_joined", gap, face_id="r1"))

    assert [{"at": at(0), "replica_id": "r1"}] == view["joinings"]
    assert {"id": "r1", "replica_id": "r1", "face_id": "r1"} == view["replica"]


def test_joining_again_is_another_joining():
    """A replica that comes back is listed twice; the first time is `joined_at`."""
    view = folded(said(JOINED, 10), said("system.pal_joined", 10, face_id="r1"), said(JOINED, 300))

    assert [at(10), at(300)] == [one["at"] for one in view["joinings"]]
    assert ("r1", at(10)) == (view["joinings"][0]["replica_id"], view["joined_at"])


def test_old_and_new_names_of_the_persona_are_one():
    """The view has both raw names beside the one id."""
    old, new = folded(said(JOINED, persona_id="p1")), folded(said(JOINED, pal_id="p1"))

    assert {"id": "p1", "persona_id": "p1", "pal_id": None} == old["persona"]
    assert {"id": "p1", "persona_id": None, "pal_id": "p1"} == new["persona"]


@pytest.mark.parametrize(
    ("first", "second", "part"),
    [
        ({"replica_id": "a"}, {"face_id": "b"}, "replica"),
        ({"face_id": "a"}, {"replica_id": "b"}, "replica"),
        ({"persona_id": "a"}, {"pal_id": "b"}, "persona"),
        ({"pal_id": "a"}, {"persona_id": "b"}, "persona"),
    ],
)
def test_the_first_id_counts_under_either_name(first, second, part):
    """The time decides, not which of the two names was used."""
    events = [said(JOINED, 0, **first), said(SHUTDOWN, 60, **second)]

    assert {"a"} == {folded(*order)[part]["id"] for order in (events, events[::-1])}


@pytest.mark.parametrize(
    "body",
    [
        {"properties": {"shutdown_reason": "user_left"}},
        {"properties": {"reason": "user_left"}},
        {"properties": {}, "shutdown_reason": "user_left"},
        {"properties": {"shutdown_reason": None}, "shutdown_reason": "user_left"},
        {"data": {"reason": "user_left"}},
        {"shutdown_reason": "user_left", "properties": []},
    ],
)
def test_the_reason_is_found_wherever_it_stands(body):
    """The reason is read in properties under two names, flat, and under `data`."""
    event = stored_event({"event_type": SHUTDOWN, "conversation_id": CONVERSATION, **body})

    assert "user_left" == folded(event)["ending"]["reason"]


def test_variants_tell_what_they_know_together():
    """The richer content counts and the poorer one fills its gaps, whichever came first."""
    poor = said(SHUTDOWN, face_id="f1")
    rich = said(SHUTDOWN, shutdown_reason="user_left", replica_id="r1")
    variant = replace(rich, ref=variant_ref(rich.ref, rich.content))
    poor_variant = replace(poor, ref=variant_ref(poor.ref, poor.content))

    views = [folded(poor, variant), folded(variant, poor), folded(rich, poor_variant)]
    assert all(view == views[0] for view in views)
    assert ("user_left", "r1", "f1") == (
        views[0]["ending"]["reason"],
        views[0]["replica"]["replica_id"],
        views[0]["replica"]["face_id"],
    )


def test_where_variants_contradict_each_other_the_richer_counts():
    """The size of the properties decides, not the envelope or the order of receipt."""
    poor = said("canvas.interaction", type="skip", interaction_id="i1")
    rich = said("canvas.interaction", type="submit", interaction_id="i1", value={"choice": "Heron"})
    wordy = replace(poor, body={**poor.body, "webhook_url": "https://example.com/" + "x" * 500})

    for order in itertools.permutations([poor, rich, wordy]):
        assert ["submit"] == [one["type"] for one in folded(*order)["canvas_interactions"]]


def test_without_shutdown_it_is_presumed_ended_after_silence():
    """After a silence since the last event, the conversation is presumed ended."""
    events = said(JOINED), said("canvas.interaction", 600, interaction_id="i1", type="submit")

    assert "active" == folded(*events, now=later(600 + 7200))["status"]
    assert "presumed_ended" == folded(*events, now=later(600 + 7201))["status"]


def test_what_follows_an_end_shows_that_it_has_ended():
    """A transcript without a shutdown means that the conversation has ended."""
    event = transcript(*TURNS)

    assert ("active", []) == tuple(folded(event, now=later(30))[name] for name in ("status", "missing"))
    assert "presumed_ended" == folded(event, now=later(90))["status"]
    assert {"shutdown": True} == missing(event, seconds=90)


def test_events_without_time_are_presumed_ended_too():
    """Without the sender's time, the time of receipt counts."""
    event = stored_event({"event_type": JOINED, "conversation_id": CONVERSATION})

    assert "active" == folded(event)["status"]
    assert "presumed_ended" == folded(event, now=NOW + timedelta(hours=3))["status"]


def test_a_time_in_the_far_future_keeps_nothing_alive():
    """A time more than a day after its receipt does not count as activity."""
    body = {"event_type": JOINED, "conversation_id": CONVERSATION, "timestamp": "2099-01-01T00:00:00Z"}

    assert "presumed_ended" == folded(stored_event(body), now=NOW + timedelta(hours=3))["status"]


def test_an_active_conversation_misses_nothing_yet():
    """No part is missing while the conversation is active."""
    assert {} == missing(said(JOINED), seconds=60, expect_recording=True, expect_perception=True)


@pytest.mark.parametrize(("seconds", "overdue"), [(2, False), (60, False), (61, True)])
def test_a_missing_transcript_is_named_and_overdue_after_a_minute(seconds, overdue):
    """A transcript is overdue a minute after the end."""
    view = folded(said(JOINED), said(SHUTDOWN, 10), now=later(10 + seconds))

    expected = {"what": "transcript", "since": at(10), "usual_delay": 1.0, "overdue": overdue}
    assert [expected] == view["missing"]


def test_perception_and_recording_are_missed_only_where_something_says_they_come():
    """Perception and recording are missing only if a setting or an event shows that they come."""
    ended = said(SHUTDOWN), transcript(*TURNS)

    assert {} == missing(*ended)
    assert {"perception": False} == missing(*ended, seconds=300, expect_perception=True)
    assert {"perception": True} == missing(
        *ended, said("application.raven_memory_evidence", analysis="a dog")
    )
    assert {"recording": True} == missing(*ended, expect_recording=True)


@pytest.mark.parametrize(
    "arrived",
    [
        said("application.perception_analysis", 1, analysis="a dog"),
        said("application.perception_unavailable", 1, reason="no_vision_history"),
    ],
)
def test_perception_has_arrived_either_way(arrived):
    """An analysis and a refusal both count as arrived."""
    assert {} == missing(said(SHUTDOWN), transcript(*TURNS), arrived, expect_perception=True)


def test_a_recording_has_arrived_by_callback_by_failure_or_in_the_bucket():
    """A recording has arrived by a callback, a failure, or an object without a callback."""
    ended = said(SHUTDOWN), transcript(*TURNS)
    ready = said("application.recording_ready", 30, s3_key="tavus/c123/1")
    failed = said("application.recording_copy_failed", 30, error_message="Access denied")
    wanted = replace(SETTINGS, expect_recording=True)
    there = recording("1", "available")

    assert [] == folded(*ended, ready, settings=wanted)["missing"]
    assert [] == folded(*ended, failed, settings=wanted)["missing"]
    view = folded(*ended, settings=wanted, recordings=[there])
    aligned = there.model_dump(mode="json") | {"started_at": None, "offset": None}
    assert ([], [aligned]) == (view["missing"], view["recordings"])
    assert ["Access denied"] == [one["error_message"] for one in folded(*ended, failed)["recording_failures"]]


@pytest.mark.parametrize("reason", ["participant_absent_timeout", "participant_absent_timeout reached"])
def test_where_nobody_joined_nothing_is_missing(reason):
    """No part is missing if nobody joined."""
    nobody = said(JOINED), said(SHUTDOWN, 60, shutdown_reason=reason)

    assert {} == missing(*nobody, expect_perception=True, expect_recording=True)
    assert {"perception": True} == missing(*nobody, transcript(*TURNS), expect_perception=True)


def test_perception_is_the_analysis_or_why_there_is_none():
    """An analysis counts before a refusal, and a later one before an earlier one."""
    refusal = said("application.perception_unavailable", 200, reason="no_vision_history")
    early = said("application.perception_analysis", 100, analysis="a dog")
    late = said("application.perception_analysis", 150, analysis="two dogs")

    assert "no_vision_history" == folded(refusal)["perception"]["unavailable_reason"]
    perception = folded(refusal, late, early)["perception"]
    assert ("two dogs", None, at(150)) == tuple(
        perception[name] for name in ("analysis", "unavailable_reason", "at")
    )
    assert folded(said(JOINED))["perception"] is None


def test_an_objective_shows_its_fullest_values_and_every_delivery():
    """A poorer later delivery does not overwrite a fuller one."""
    completed = "conversation.objective.completed"
    deliveries = [
        {"arrival": "9 May"},
        {"arrival": "2027-05-09", "nights": "2"},
        {"arrival": "in May", "nights": ""},
        {"dog": "yes"},
    ]
    events = [
        said(completed, number, objective_name="dates", output_variables=values)
        for number, values in enumerate(deliveries)
    ]
    flat = {
        "event_type": "conversation.objective.pending",
        "conversation_id": CONVERSATION,
        "objective_name": "mail",
    }

    dates, mail = folded(*events, stored_event(flat))["objectives"]
    assert {"arrival": "2027-05-09", "nights": "2", "dog": "yes"} == dates["values"]
    assert deliveries == [one["values"] for one in dates["history"]]
    assert ("mail", "pending", {}) == (mail["name"], mail["status"], mail["values"])


def test_the_oldest_form_of_an_objective_is_one_too():
    """An objective without an event type has its status in a member."""
    body = {
        "conversation_id": CONVERSATION,
        "objective_name": "recall",
        "objective_status": "completed",
        "output_variables": {"score": 85},
    }

    found = folded(stored_event(body))["objectives"][0]
    assert ("recall", "completed", {"score": 85}) == (found["name"], found["status"], found["values"])


@pytest.mark.parametrize(
    "properties",
    [
        {"guardrail_name": "no_discounts", "guardrail_uuid": "g1", "reason": "asked for half"},
        {"guardrail": "no_discounts", "guardrail_id": "g1", "reason": "asked for half"},
        {"guardrail": {"name": "no_discounts", "uuid": "g1"}, "reason": "asked for half"},
    ],
)
def test_guardrails_are_read_in_every_spelling(properties):
    """Guardrails are read under all names that receivers use."""
    found = folded(said("conversation.guardrail.triggered", **properties))["guardrails"][0]

    assert ("no_discounts", "g1", "asked for half") == (found["name"], found["guardrail_id"], found["reason"])


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"summary": "booked", "topics": '["dog"]'}, {"summary": "booked", "topics": ["dog"]}),
        ('{"stage": "booked"}', {"stage": "booked"}),
        ("not JSON", "not JSON"),
        (None, None),
    ],
)
def test_what_an_action_was_asked_is_parsed_where_possible(body, expected):
    """A request is parsed from an object or from JSON text, with arrays as text inside."""
    action = said(
        "application.post_call_action_executed", tool_id="t1", status="error", request={"body": body}
    )

    found = folded(action)["actions"][0]
    assert ("t1", "error", expected) == (found["tool_id"], found["status"], found["request"])


def test_a_tool_call_of_ravens_leaves_its_pictures_out():
    """The view counts the frames of a tool call; the event's body has them."""
    frames = [{"mime_type": "image/jpeg", "data": "x" * 40_000}] * 8
    event = said("application.perception_tool_call", name="notice", arguments='{"card": true}', frames=frames)

    found = folded(event)["perception_tool_calls"][0]
    assert ("notice", {"card": True}, 8) == (found["name"], found["arguments"], found["frames"])
    assert len(json.dumps(found)) < 1000


def test_heartbeats_of_a_card_are_only_counted():
    """Interactions are listed with their values, heartbeats only counted."""
    view = folded(
        said("canvas.interaction", interaction_id="i1", type="submit", value={"choice": "Heron"}),
        said("canvas.interaction", 1, interaction_id="i2", type="heartbeat"),
    )

    assert [({"choice": "Heron"}, "submit")] == [
        (one["value"], one["type"]) for one in view["canvas_interactions"]
    ]
    assert 1 == view["canvas_heartbeats"]


def test_heartbeats_of_a_replica_are_only_counted():
    """`system.replica_present` is a sign of life, and is only counted."""
    beats = [said("system.replica_present", seconds, replica_id="r1") for seconds in (10, 20, 3000)]
    beats[2:] = [*beats[2:], *beats[2:]]

    view = folded(*beats, now=later(3100))

    assert (3, []) == (view["replica_heartbeats"], view["other_events"])
    assert ("active", None, [], None, []) == tuple(
        view[name] for name in ("status", "joined_at", "joinings", "ended_at", "missing")
    )
    assert "presumed_ended" == folded(*beats, now=later(3000 + 7201))["status"]
    assert "ended" == folded(*beats, said(SHUTDOWN, 3010), now=later(3100))["status"]


def test_memories_and_unknown_events_are_shown():
    """Every event is in some part of the view."""
    view = folded(
        said("application.raven_memory_evidence", analysis="a dog"),
        said("application.memory_consolidation", 1, added=2),
        said("system.pal_waved", 2),
    )

    assert [("a dog", {}), (None, {"added": 2})] == [
        (one["analysis"], one["properties"]) for one in view["memories"]
    ]
    assert [("system.pal_waved", at(2))] == [(one["event_type"], one["at"]) for one in view["other_events"]]


def test_tags_and_labels_of_all_callbacks_are_joined():
    """A tag with several values has a list."""
    body = {"event_type": JOINED, "conversation_id": CONVERSATION}
    one = stored_event(body, label="blue", query="user=1&simulated=true")
    other = stored_event({**body, "event_type": SHUTDOWN}, label="green", query="user=2", source="backfill")

    view = folded(one, other)
    assert {"user": ["1", "2"], "simulated": "true"} == view["tags"]
    assert (["blue", "green"], True) == (view["labels"], view["simulated"])
    assert ["backfill", "callback"] == view["received_from"]


def test_the_transcript_is_summed_up():
    """The view has the transcript in numbers, and its time of receipt."""
    view = folded(transcript({"role": "system", "content": "prompt"}, *TURNS, None))

    summary = view["transcript"]
    assert (2, 1, 1, 2) == tuple(summary[name] for name in ("turns", "user_turns", "replica_turns", "words"))
    assert (False, 1, 0) == tuple(summary[name] for name in ("has_times", "skipped", "repeated"))
    assert summary["received_at"] == view["received_first_at"]
    assert view["talk"]["total_turns"] == summary["turns"]


def test_times_of_receipt_are_the_first_and_the_last():
    """The view has the first and the last receipt, in any order of events."""
    minutes = [NOW + timedelta(minutes=number) for number in range(3)]
    events = [replace(said(JOINED, number), received_at=minute) for number, minute in enumerate(minutes)]

    for order in itertools.permutations(events):
        view = folded(*order)
        assert (iso(minutes[0]), iso(minutes[2])) == (view["received_first_at"], view["received_last_at"])


def test_no_event_is_no_conversation():
    """Folding no events is an error."""
    with pytest.raises(TypeError):
        fold_conversation(CONVERSATION, [], now=NOW, settings=SETTINGS)


@pytest.mark.parametrize("name", CONVERSATIONS)
@given(data=st.data())
@hypothesis_settings(max_examples=25)
def test_order_and_repetition_of_callbacks_change_nothing(name, data):
    """Any permutation of a scenario with duplicates changes only members named `received…`."""
    events = [one for one in scenario(name) if one.kind == "conversation"]
    repeats = data.draw(st.lists(st.sampled_from(events), max_size=4))
    order = data.draw(st.permutations([*events, *repeats]))
    arrived = [replace(one, received_at=NOW + timedelta(seconds=n)) for n, one in enumerate(order)]

    assert without_receipt(folded(*events)) == without_receipt(folded(*arrived))


PROPERTY_NAMES = (
    *(
        "replica_id",
        "face_id",
        "shutdown_reason",
        "reason",
        "transcript",
        "analysis",
        "s3_key",
        "storage_uri",
    ),
    *(
        "objective_name",
        "output_variables",
        "guardrail",
        "tool_id",
        "request",
        "response",
        "arguments",
        "frames",
    ),
    *("interaction_id", "type", "value", "metadata", "error_message", "status", "persona_id", "pal_id"),
)
EVENT_TYPES = st.sampled_from(
    [
        *sorted(event_types.SHOWN),
        "conversation.objective.completed",
        "conversation.guardrail.triggered",
        "other",
    ]
)
PROPERTIES = st.dictionaries(st.sampled_from(PROPERTY_NAMES), JSON, max_size=5) | JSON
BODIES = st.builds(
    lambda event_type, properties, data, flat, timestamp: {
        **flat,
        "conversation_id": CONVERSATION,
        "event_type": event_type,
        "timestamp": timestamp,
        "properties": properties,
        "data": data,
    },
    EVENT_TYPES,
    PROPERTIES,
    st.none() | PROPERTIES,
    st.dictionaries(st.sampled_from(PROPERTY_NAMES), JSON, max_size=2),
    st.sampled_from([None, "2027-03-01T12:00:00Z", "2027-03-01T12:00:01Z", "yesterday"]),
)


@given(bodies=st.lists(BODIES, min_size=1, max_size=5), data=st.data())
def test_any_content_folds_the_same_in_any_order(bodies, data):
    """Any JSON in any place gives one view in any order, and it is JSON."""
    events = [stored_event(body) for body in bodies]
    order = data.draw(st.permutations([*events, *events[:2]]))

    assert without_receipt(folded(*events)) == without_receipt(folded(*order))


@given(bodies=st.lists(BODIES, min_size=3, max_size=3))
def test_facts_merge_in_any_grouping(bodies):
    """Merging is commutative, associative and idempotent, also after writing and reading the facts."""
    one, two, three = (conversation_facts(stored_event(body)) for body in bodies)
    merged = one.merge(two).merge(three)

    assert merged == one.merge(two.merge(three)) == three.merge(one).merge(two)
    assert merged == merged.merge(merged) == merged.merge(two)
    assert merged == Facts.model_validate_json(json.dumps(merged.model_dump(mode="json")))


def announced(event_type, seconds=0.0, **properties):
    """Return an event about a recording, and the recording's id by its claim."""
    event = said(f"application.recording_{event_type}", seconds, **properties)
    claim = read_claim(event.event_type, CONVERSATION, event.body, bucket="ours", ref=event.ref)
    return event, claim.recording_id


ANNOUNCED = [
    announced("ready", 1, s3_key="tavus/c123/1700"),
    announced("ready", 2, s3_key="tavus/c123/1700.mp4"),
    announced("ready", 3, storage_uri="s3://ours/tavus/c123/1800"),
    announced("ready", 4, s3_key="https://no.key"),
    announced("copy_failed", 5, error_message="Access denied"),
    announced("copy_failed", 5, error_message="Access denied again"),
    announced("copy_failed", 6, s3_key="tavus/c123/1700"),
    announced("copy_failed", 6, s3_key="tavus/c123/1900.mp4"),
    announced("copy_failed", 7, s3_key="../no.key"),
]


@given(st.lists(st.sampled_from(ANNOUNCED), min_size=1))
def test_every_recording_that_a_callback_came_for_is_counted_once(chosen):
    """The list counts as many recordings as the view shows, in any order."""
    facts = gather_facts([event for event, _ in chosen])

    assert len({recording_id for _, recording_id in chosen}) == facts.recording_count


def test_a_failure_of_an_earlier_version_has_the_id_of_its_row():
    """The view names the stored recording, which an earlier version stored under the event's reference."""
    failed = said("application.recording_copy_failed", 5, s3_key="tavus/c123/1700")
    earlier = recording(f"failed-{failed.ref[-24:]}", "failed")
    today = recording("1700", "failed")

    views = [folded(failed, recordings=rows) for rows in ([earlier], [today], [today, earlier], [])]

    names = [view["recording_failures"][0]["recording_id"] for view in views]
    assert [earlier.recording_id, "1700", "1700", "1700"] == names


def test_each_recording_that_fails_at_one_moment_is_listed():
    """Recordings that fail at one moment are listed each with its own id, code and advice."""
    members = {"error_code": "DESTINATION_AUTH_FAILED", "error_message": "token exchange failed"}
    failed = [
        said("application.recording_copy_failed", 5, s3_key=f"tavus/c123/{name}", **members)
        for name in ("1900", "1700")
    ]
    plain = said("application.recording_copy_failed", 6, error_code="NEW_CODE", recording_id="d1")

    views = [folded(*order)["recording_failures"] for order in ([*failed, plain], [plain, *reversed(failed)])]

    assert views[0] == views[1]
    assert ["1700", "1900", f"failed-{plain.ref[-24:]}"] == [one["recording_id"] for one in views[0]]
    assert failed[0].event_id == views[0][0]["event_id"] == views[0][1]["event_id"]
    assert views[0][0]["explanation"].startswith("DESTINATION_AUTH_FAILED: The storage refused")
    assert views[0][2]["explanation"].startswith("NEW_CODE: Tavus does not document this code.")
    assert ("d1", "s3", None) == tuple(
        views[0][2][name] for name in ("tavus_recording_id", "provider", "key")
    )


def test_facts_from_before_failed_recordings_were_counted_are_read():
    """The facts of an earlier version's summary can be read."""
    written = conversation_facts(ANNOUNCED[0][0]).model_dump(mode="json")
    del written["unnamed_recordings"]

    assert 1 == Facts.model_validate_json(json.dumps(written)).recording_count


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_the_view_and_the_facts_agree(name):
    """The facts that lists filter by agree with the view."""
    events = [one for one in scenario(name) if one.kind == "conversation"]
    facts, view = gather_facts(events), folded(*events)

    written = facts.model_dump(mode="json")
    for member in ("joined_at", "ended_at"):
        assert written[member] == view[member]
    assert conversation_status(facts, now=NOW, settings=SETTINGS) == view["status"]
    found = missing_parts(facts, now=NOW, settings=SETTINGS, has_recording=False)
    assert [one.what for one in found] == [one["what"] for one in view["missing"]]
    assert (written["transcript"] or {}).get("talk") == view["talk"]
    assert facts.end_code == (view["ending"] or {}).get("code")
    assert facts.receipt.view()["tags"] == view["tags"]


def test_how_long_a_large_conversation_takes(capsys):
    """The time is printed and not checked, because it depends on the machine."""
    sentence = "We would like a room with a balcony, please, and breakfast for two and a dog. "
    turns = [
        {
            "role": ("user", "assistant")[number % 2],
            "content": sentence * 2,
            "timestamp": 1803902400.0 + number,
            "seconds_from_start": float(number),
            "duration": 0.8,
            "inference_id": f"inf_{number}",
        }
        for number in range(700)
    ]
    events = [said(JOINED), said(SHUTDOWN, 700), transcript(*turns, seconds=700.4)]
    events += [said("system.pal_waved", number) for number in range(7)]
    size = len(json.dumps(events[2].body))

    times = []
    for _ in range(5):
        begin = time.process_time()
        fold_conversation(CONVERSATION, events, now=NOW, settings=SETTINGS)
        times.append((time.process_time() - begin) * 1000)
    with capsys.disabled():
        print(f"\n10 events with a transcript of {size // 1000} KB: {min(times):.1f} ms")  # noqa: T201  # its point
    assert 200_000 < size


def test_variants_that_differ_in_their_transcripts_count_by_the_fullest():
    """The fullest transcript of an event's variants counts, in any order."""
    full, poor = transcript(*TURNS), transcript(TURNS[0])

    for order in itertools.permutations([full, poor]):
        assert 2 == folded(*order)["transcript"]["turns"]
