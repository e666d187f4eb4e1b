"""Pushes: stable ids, one schema, and the same derived pushes in every order of events."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tavus_callbacks.domain.common.digests import digest
from tavus_callbacks.domain.conversations.settings import FoldSettings
from tavus_callbacks.domain.events.stored_event import StoredEvent
from tavus_callbacks.domain.pushes.derived import (
    SubjectState,
    derived_pushes,
    published_types,
    types_by_events,
    types_by_time,
)
from tavus_callbacks.domain.pushes.push import (
    COMPLETE,
    ENDED,
    PRESUMED,
    PUSH_BODY_LIMIT,
    STARTED,
    Push,
    callback_push,
    erased_push,
    push_id,
)
from tavus_callbacks.domain.summaries.summary import facts_from

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
SETTINGS = FoldSettings(presumed_ended_after=timedelta(hours=4))
CONVERSATION_EVENTS = {
    "system.replica_joined": {},
    "system.shutdown": {"shutdown_reason": "end_conversation_endpoint_hit"},
    "application.transcription_ready": {"transcript": [{"role": "user", "content": "hello"}]},
    "application.perception_analysis": {"analysis": "calm"},
    "application.raven_memory_evidence": {},
    "application.perception_unavailable": {},
}


def event(event_type, *, kind="conversation", family="conversation", at=0, content=None):
    """Return a stored event; `at` is in seconds."""
    moment = NOW + timedelta(seconds=at)
    return StoredEvent(
        ref=f"{at:020}-{digest(event_type)}",
        family=family,
        kind=kind,
        subject="s1",
        event_type=event_type,
        occurred_at=moment,
        received_at=moment,
        label="prod",
        tags={"user": "4711"},
        source="callback",
        issues=(),
        content="c" * 32,
        body_size=2,
        body=content or {"properties": CONVERSATION_EVENTS.get(event_type, {})},
    )


def state(facts, kind="conversation", later=timedelta(0)):
    """Return the state of a subject, now or later."""
    return SubjectState(kind, "s1", facts, NOW + later, SETTINGS)


SCHEDULE = "the schedule, after a day of silence"


def pushes_of(steps, kind="conversation"):
    """Return the derived pushes of steps: events, and runs of the schedule. The last step is such a run."""
    facts, told, pushes = None, frozenset(), []
    for step in [*steps, SCHEDULE]:
        if step is SCHEDULE:
            seen, find_types = state(facts, kind, timedelta(days=1)) if facts else None, types_by_time
        else:
            more = facts_from(kind, [step])
            facts = facts.merge(more) if facts else more
            seen, find_types = state(facts, kind), types_by_events
        if seen:
            types = find_types(seen) - told
            pushes += derived_pushes(seen, types)
            told |= types
    return pushes


def told_of(events, kind="conversation"):
    """Return the ids that are published while events come one by one, and by the schedule a day later."""
    return [push.push_id for push in pushes_of(events, kind)]


@hypothesis_settings(max_examples=25)
@given(data=st.data())
def test_derived_ids_are_equal_over_all_orders(data):
    """Each id is published once, for every order and repetition of a conversation's callbacks."""
    types = data.draw(st.sets(st.sampled_from(sorted(CONVERSATION_EVENTS)), min_size=1), "types")
    events = [event(one, at=number) for number, one in enumerate(sorted(types))]
    order = data.draw(st.permutations([*events, *data.draw(st.lists(st.sampled_from(events), max_size=3))]))

    first, other = told_of(events), told_of(order)

    assert len(set(other)) == len(other)
    assert sorted(first) == sorted(other)


def test_a_usual_conversation_is_told_the_same_in_every_order():
    """All 120 orders of five callbacks publish each of the five derived types once."""
    types = [one for one in CONVERSATION_EVENTS if one != "application.perception_unavailable"]
    events = [event(one, at=number) for number, one in enumerate(types)]
    names = ("conversation.started", "conversation.ended", "transcript.ready", "perception.ready")
    expected = sorted(push_id(name, "conversation", "s1") for name in (*names, "conversation.complete"))

    assert {tuple(expected)} == {tuple(sorted(told_of(order))) for order in permutations(events)}


@pytest.mark.parametrize("kind", ["video", "replica", "document"])
def test_a_resource_that_failed_and_was_made_after_all_is_told_as_both(kind):
    """Both are published in every order, although only one of them is the final status."""
    events = [
        event(f"{kind}.error", kind=kind, family=kind, at=0, content={"status": "error"}),
        event(f"{kind}.ready", kind=kind, family=kind, at=1, content={"status": "completed"}),
        event(f"{kind}.queued", kind=kind, family=kind, at=2, content={"status": "queued"}),
    ]
    expected = sorted(push_id(f"{kind}.{name}", kind, "s1") for name in ("ready", "failed"))

    assert {tuple(expected)} == {tuple(sorted(told_of(order, kind))) for order in permutations(events)}


def test_what_time_alone_tells():
    """Silence ends a conversation, and overdue parts complete it; nothing is published before that."""
    facts = facts_from("conversation", [event("system.replica_joined")])
    soon = types_by_time(state(facts, later=timedelta(minutes=5)))
    later = state(facts, later=timedelta(days=1))
    [complete] = derived_pushes(later, ["conversation.complete"])

    assert {"conversation.started"} == soon
    assert {STARTED, PRESUMED, COMPLETE} == types_by_time(later)
    assert ["shutdown", "transcript"] == complete.data.missing
    assert "presumed_ended" == complete.data.status


def ends(steps):
    """Return the status, the reason and the id of each push about the end."""
    pushes = [push for push in pushes_of(steps) if push.type == ENDED]
    return [(push.data.status, push.data.end_reason, push.push_id) for push in pushes]


def test_an_end_after_a_presumed_one_is_published_with_its_reason():
    """It is a second push under the id that it has without the presumed end."""
    joining, shutdown = event("system.replica_joined"), event("system.shutdown", at=1)
    [presumed] = ends([joining])
    [ended] = ends([joining, shutdown])

    assert ("presumed_ended", None) == presumed[:2]
    assert ("ended", "end_conversation_endpoint_hit", push_id(ENDED, "conversation", "s1")) == ended
    assert [presumed, ended] == ends([joining, SCHEDULE, shutdown])
    assert presumed[2] != ended[2]


@hypothesis_settings(max_examples=50)
@given(data=st.data())
def test_a_shutdown_is_published_once_whenever_silence_is_noticed(data):
    """Between any callbacks the schedule may run: no id comes twice, and the ids of events are the same."""
    events = [event(one, at=number) for number, one in enumerate(CONVERSATION_EVENTS)]
    steps = data.draw(st.permutations([*events, SCHEDULE, SCHEDULE, events[1]]))
    ids = told_of(steps)
    presumed = push_id(ENDED, "conversation", "s1", "presumed")

    assert len(set(ids)) == len(ids)
    assert set(told_of(events)) == set(ids) - {presumed}


@pytest.mark.parametrize(
    ("event_types", "expected"),
    [(["system.replica_joined"], {PRESUMED, STARTED}), (["system.shutdown"], {ENDED, STARTED})],
)
def test_an_end_that_an_earlier_version_noted_is_read_by_its_facts(event_types, expected):
    """Without a shutdown it was presumed: it is not published again, and the real end is still to come."""
    facts = facts_from("conversation", [event(one) for one in event_types])

    assert expected == published_types(frozenset({ENDED, STARTED}), facts)


def test_complete_waits_for_what_is_late_and_not_overdue():
    """`complete` waits for a transcript that may still come."""
    facts = facts_from("conversation", [event("system.shutdown")])

    assert {"conversation.ended"} == types_by_time(state(facts, later=timedelta(seconds=30)))
    assert "conversation.complete" in types_by_time(state(facts, later=timedelta(seconds=90)))


def test_time_alone_tells_nothing_while_callbacks_are_coming():
    """After an outage, old callbacks come one by one: an overdue one may come within a second."""
    late = replace(event("system.shutdown"), received_at=NOW + timedelta(hours=2))
    facts = facts_from("conversation", [late])
    soon, later = (state(facts, later=timedelta(hours=2, seconds=seconds)) for seconds in (10, 70))

    assert [False, True] == ["conversation.complete" in types_by_time(look) for look in (soon, later)]


def item(body, **more):
    """Return a row of the events table."""
    return {
        "kind": "conversation",
        "subject": "c1",
        "ref": f"{1:020}-{'a' * 32}",
        "family": "conversation",
        "event_type": "system.shutdown",
        "occurred_at": "2027-03-01T12:00:00.000000Z",
        "received_at": "2027-03-01T12:00:01.000000Z",
        "label": "prod",
        "tags": {"user": "4711", "simulated": "true"},
        "issues": [],
        "content": "c" * 32,
        "body_size": len(body),
        **more,
    }


def pushed(row, body):
    """Return the push of a row and its body."""
    return callback_push(StoredEvent.from_row(row), body)


def test_a_callback_is_told_with_whom_and_what():
    """It has ids, tags, the label, the body, and the path of the subject."""
    body = b'\xef\xbb\xbf{"conversation_id":"c1","x":"\\ud800"}'
    detail = json.loads(pushed(item(body), body).detail())

    assert (1, "callback.system.shutdown", "2027-03-01T12:00:00.000000Z") == (
        detail["version"],
        detail["type"],
        detail["timestamp"],
    )
    assert ("conversation", "c1", "/conversations/c1") == (detail["kind"], detail["subject"], detail["url"])
    assert ({"user": "4711", "simulated": "true"}, ["prod"], True) == (
        detail["tags"],
        detail["labels"],
        detail["simulated"],
    )
    assert {"conversation_id": "c1", "x": "\ufffd"} == detail["data"]["body"]
    assert "callback" == detail["data"]["source"]
    assert detail["data"]["body_url"] is None


def test_an_event_of_tavus_own_record_is_told_as_such():
    """`source` shows whether the event came by callback or from Tavus's API."""
    assert "backfill" == pushed(item(b"{}", source="backfill"), b"{}").data.source


def test_a_body_of_200_kb_stands_in_its_push():
    """The limit is exact."""
    body = b'{"x":"' + b"a" * (PUSH_BODY_LIMIT - 8) + b'"}'

    assert (PUSH_BODY_LIMIT, None) == (
        len(body),
        pushed(item(body), body).data.body_url,
    )


def test_variants_have_the_same_ids_whichever_came_first():
    """Chance decides which of two contents is the variant, so the id depends on the content."""
    one, other = "c" * 32, "d" * 32
    ref = item(b"{}")["ref"]

    def ids(first, second):
        rows = [item(b"{}", content=first), item(b"{}", content=second, ref=f"{ref}-v{second}")]
        return {pushed(row, b"{}").push_id for row in rows}

    assert ids(one, other) == ids(other, one)
    assert 2 == len(ids(one, other))


@pytest.mark.parametrize(
    "body",
    [
        b'{"x":"' + b"a" * PUSH_BODY_LIMIT + b'"}',
        b'{"x":[1,{"y":9223372036854775808}]}',
        b'{"x":[' + b",".join([b"1e15"] * 20_000) + b"]}",
    ],
    ids=["large", "a number beyond 64 bits", "larger when told than when sent"],
)
def test_a_body_that_the_bus_cannot_carry_is_pointed_to(body):
    """It is published with the path of the body instead."""
    row = item(body, ref=f"{1:020}-{'a' * 32}-v{'c' * 32}")
    push = pushed(row, body)

    assert push.data.body is None
    assert push.data.body_url == f"/events/{push.data.variant_id}/body"
    assert len(push.detail()) < 2000


def test_a_push_leads_to_the_path_of_its_subject():
    """An HTTP API decodes paths, so a subject that no path can hold goes into the query."""
    by_events = "/events?kind=conversation&subject="
    urls = {
        "c1": "/conversations/c1",
        "a b": "/conversations/a%20b",
        "e\u0301\U0001f600": "/conversations/e%CC%81%F0%9F%98%80",
        "a/b": f"{by_events}a%2Fb",
        "a?b": f"{by_events}a%3Fb",
        "..": f"{by_events}..",
    }

    assert urls == {subject: pushed(item(b"{}", subject=subject), b"{}").url for subject in urls}


def test_an_erasure_tells_whom_and_nothing_else():
    """Tags and labels were erased too."""
    push = erased_push("conversation", "c1", at=NOW)

    assert ("conversation.erased", {}, [], None, None) == (
        push.type,
        push.tags,
        push.labels,
        push.url,
        push.data,
    )
    assert push.push_id == erased_push("conversation", "c1", at=NOW + timedelta(days=1)).push_id


def test_a_row_without_its_time_of_receipt_is_refused():
    """The stream gives the whole record up; nothing of it is published."""
    with pytest.raises(ValueError, match="isoformat"):
        StoredEvent.from_row(item(b"{}", received_at="?"))


def test_what_is_told_can_be_read_again():
    """A consumer in Python parses the detail with the model that wrote it."""
    facts = facts_from("conversation", [event(one) for one in CONVERSATION_EVENTS])
    told = derived_pushes(state(facts), types_by_events(state(facts)))

    assert told == [Push.model_validate_json(push.detail()) for push in told]
    assert 6 == len(told)
