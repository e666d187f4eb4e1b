"""A record of Tavus adds neither a second copy of an event nor content that is stored."""

import json
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from folding import CONVERSATION, NOW, published, stored_event
from hypothesis import given
from hypothesis import strategies as st

from corpus import EXPECTED
from tavus_callbacks.domain.callbacks.event import base_ref
from tavus_callbacks.domain.repair.comparison import compare
from tavus_callbacks.domain.repair.tavus_record import parse_record

RECORDS = sorted(name for name in EXPECTED if name.startswith("rest-get-conversation"))
URL = "https://example.com/callbacks/none?user=4711"


@dataclass
class Shelf:
    """The stored events of a conversation: by identity, each content once, as in the events table."""

    stored: list = field(default_factory=list)

    def receive(self, body):
        """Receive a callback."""
        self._add(stored_event(body))

    def read(self, record):
        """Read a record, store what it adds and return the plan."""
        plan = compare(record, self.stored, label="test", received_at=NOW)
        for event in plan.new:
            self._add(stored_event(event.text.encode(), source="backfill"))
        for event in plan.variants:
            self._add(replace(stored_event(event.text.encode(), source="backfill"), ref=event.ref))
        return plan

    def events(self):
        """Return the references of events."""
        return {base_ref(event.ref) for event in self.stored}

    def _add(self, event):
        if (event.ref, event.body) not in [(stored.ref, stored.body) for stored in self.stored]:
            self.stored.append(event)


def record(*events, conversation_id=CONVERSATION):
    """Make a record of events."""
    return parse_record(conversation_id, {"callback_url": URL, "events": list(events)})


def shown(event_type="system.shutdown", at="2026-05-01T12:00:00.250000Z", **properties):
    """Make an event as a record shows it."""
    return {"event_type": event_type, "timestamp": at, "properties": properties}


def callback(sent, conversation_id=CONVERSATION, **more):
    """Return the callback of an event in a record."""
    message_type = sent["event_type"].partition(".")[0]
    envelope = {"message_type": message_type, "conversation_id": conversation_id, "webhook_url": URL}
    return {**envelope, **sent, **more}


def test_a_lost_callback_is_filed_as_it_would_have_been():
    """Its identity, tags and content are those of the callback; only the source differs."""
    sent = shown(shutdown_reason="participant_left_timeout")

    [event] = compare(record(sent), [], label="prod", received_at=NOW).new

    came = stored_event(callback(sent), label="prod")
    assert (came.event_id, came.tags, "prod", "backfill") == (
        event.event_id,
        event.tags,
        event.label,
        event.source,
    )
    assert {name: value for name, value in came.body.items() if name != "webhook_url"} == json.loads(
        event.text
    )


def test_what_is_there_is_not_written_again():
    """A record that says nothing new, with fewer members than the callback, adds nothing and confirms."""
    shelf = Shelf()
    shelf.receive(callback(shown(replica_id="r1", shutdown_reason="participant_left_timeout")))

    plan = shelf.read(record(shown(shutdown_reason="participant_left_timeout")))

    assert ((), (), True) == (plan.new, plan.variants, plan.confirms)


def test_what_the_record_says_otherwise_is_a_variant():
    """`reason` instead of `shutdown_reason` is the same event, and both contents are stored."""
    shelf = Shelf()
    shelf.receive(callback(shown(shutdown_reason="participant_left_timeout reached")))

    plan = shelf.read(record(shown(reason="participant_left_timeout")))

    assert (0, 1) == (len(plan.new), len(plan.variants))
    assert 1 == len(shelf.events())
    assert ((), ()) == (shelf.read(record(shown(reason="participant_left_timeout"))).variants, plan.new)


@pytest.mark.parametrize("at", [None, "", "2026-05-01T12:00:00Z", "2026-05-01T12:00:00.250Z"])
def test_a_poorer_time_is_the_same_event(at):
    """A record without a time, or in whole seconds or milliseconds, means the stored event."""
    shelf = Shelf()
    shelf.receive(callback(shown(at="2026-05-01T12:00:00.250900Z", shutdown_reason="x")))

    plan = shelf.read(record(shown(at=at, shutdown_reason="x")))

    assert ((), ()) == (plan.new, plan.variants)


@pytest.mark.parametrize(
    "sent",
    [
        shown(at="2026-05-01T12:00:02.250000Z"),
        shown("system.replica_joined", at=None),
        shown("application.recording_ready", at=None, s3_key="tavus/c123/2"),
    ],
)
def test_another_event_is_another(sent):
    """An event with another time, type or recording is a new event."""
    shelf = Shelf()
    shelf.receive(callback(shown(shutdown_reason="x")))
    shelf.receive(callback(shown("application.recording_ready", s3_key="tavus/c123/1")))

    assert 1 == len(shelf.read(record(sent)).new)


def test_each_kept_event_is_meant_once():
    """Two events without a time stay two, even if one of that type is stored."""
    shelf = Shelf()
    shelf.receive(callback(shown("system.replica_joined", replica_id="a")))

    twice = record(
        shown("system.replica_joined", at=None, replica_id="a"),
        shown("system.replica_joined", at=None, replica_id="b"),
    )
    shelf.read(twice)

    assert 2 == len(shelf.events())
    assert ((), ()) == ((again := shelf.read(twice)).new, again.variants)


def test_an_event_that_tavus_does_not_show_is_not_confirmed():
    """An event that somebody posted with a stolen token is in no record."""
    shelf = Shelf()
    shelf.receive(callback(shown()))
    shelf.receive(callback(shown("application.transcription_ready", transcript=[])))

    assert not shelf.read(record(shown())).confirms


def test_what_no_record_holds_confirms_and_denies_nothing():
    """Objectives, guardrails, canvas interactions and heartbeats are in no record."""
    shelf = Shelf()
    shelf.receive(callback(shown()))
    shelf.receive(callback(shown("conversation.objective.completed", objective_name="x")))
    shelf.receive(callback(shown("canvas.interaction", interaction_id="1")))
    shelf.receive(callback(shown("system.replica_present")))

    assert shelf.read(record(shown())).confirms


@pytest.mark.parametrize("events", [{}, {"events": None}, {"events": []}, {"events": "none"}])
def test_a_record_without_events_confirms_nothing(events):
    """Missing, null or empty `events`, as in an active conversation, add and confirm nothing."""
    plan = compare(parse_record(CONVERSATION, events), [], label="test", received_at=NOW)

    assert ((), False, 0) == (plan.new, plan.shows_events, plan.unfileable)
    assert not plan.confirms


def test_entries_that_cannot_be_filed_are_counted():
    """An entry without an object, a type or this conversation's id does not stop the others."""
    odd = [7, {"event_type": "system.shutdown", "conversation_id": "c999"}, {"properties": {}}]

    plan = compare(record(*odd, shown()), [], label="test", received_at=NOW)

    assert (1, 3) == (len(plan.new), plan.unfileable)


def test_a_callback_url_that_cannot_be_read_has_no_tags():
    """The URL in a record can be any text."""
    plan = compare(
        parse_record(CONVERSATION, {"callback_url": "http://[", "events": [shown()]}),
        [],
        label="test",
        received_at=NOW,
    )

    assert {} == plan.new[0].tags


@pytest.mark.parametrize("name", RECORDS)
def test_published_records_make_no_second_event(name):
    """Backfill after callbacks, callbacks after backfill, and both again make one event each."""
    published_record = published()[name]
    name = published_record.get("conversation_id", CONVERSATION)
    read = parse_record(name, published_record)
    sent = published_record.get("events") or []
    callbacks = [callback(event, name) for event in sent]
    first, last = Shelf(), Shelf()
    for body in callbacks:
        first.receive(body)
    expected = len(first.events())

    after_callbacks = first.read(read)
    last.read(read)
    for body in callbacks:
        last.receive(body)

    assert (len(sent), 0) == (expected, len(after_callbacks.new))
    assert (expected, expected) == (len(first.events()), len(last.events()))


TYPES = st.sampled_from(
    ["system.replica_joined", "system.shutdown", "application.transcription_ready", "application.new_thing"]
)
PROPERTIES = st.dictionaries(st.sampled_from(["replica_id", "reason", "analysis"]), st.text(max_size=3))
SHOWN = st.lists(
    st.builds(
        lambda event_type, second, properties: shown(
            event_type, at=(NOW + timedelta(seconds=2 * second, milliseconds=250)).isoformat(), **properties
        ),
        TYPES,
        st.integers(0, 20),
        PROPERTIES,
    ),
    max_size=8,
    unique_by=lambda event: (event["event_type"], event["timestamp"]),
)


@given(sent=SHOWN, lost=st.sets(st.integers(0, 7)), extra=PROPERTIES)
def test_whatever_was_lost_a_reading_completes_and_repeats_nothing(sent, lost, extra):
    """Whichever callbacks are lost, and even if callbacks say more, each event is stored once."""
    shelf, read = Shelf(), record(*sent)
    for number, event in enumerate(sent):
        if number not in lost:
            shelf.receive(callback({**event, "properties": {**extra, **event["properties"]}}))

    shelf.read(read)
    again = shelf.read(read)
    for event in sent:
        shelf.receive(callback(event))

    assert len(sent) == len(shelf.events())
    assert ((), ()) == (again.new, again.variants)
