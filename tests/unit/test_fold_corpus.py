"""What others published folds: every conversation body, every record of the API, every resource."""

from datetime import timedelta

from folding import NOW, SETTINGS, published, stored_event, without_receipt

from tavus_callbacks.domain.common.errors import CallbackError
from tavus_callbacks.domain.conversations.fold import fold_conversation
from tavus_callbacks.domain.resources.view import fold_resource
from tavus_callbacks.domain.transcripts.transcript import choose_transcript

VERBOSE = "rest-get-conversation-verbose"


def received(body, **how):
    """Return the event that a body becomes, or None where it would be quarantined."""
    try:
        return stored_event(body, **how)
    except CallbackError:
        return None


def folded(*events):
    """Fold a conversation."""
    return fold_conversation("c123", events, now=NOW, settings=SETTINGS)


def records():
    """Return the events of each verbose record, with the conversation that is not named inside of them."""
    for name, record in published().items():
        if name.startswith(VERBOSE) and record.get("events"):
            conversation_id = record.get("conversation_id", "c123")
            yield [{**event, "conversation_id": conversation_id} for event in record["events"]]


def as_posted(event):
    """Return the callback of a record's event; what has no time is known by its content, so that stays."""
    envelope = {"webhook_url": "https://example.com/callbacks/x"}
    message_type = {"message_type": event["event_type"].partition(".")[0]} if "timestamp" in event else {}
    return envelope | message_type | event


def test_every_published_body_folds():
    """None raises, none is left out of its view."""
    events = {name: event for name, body in published().items() if (event := received(body))}

    for event in events.values():
        if event.kind == "conversation":
            view = folded(event)
            shown = [key for key in view if key not in ("tags", "labels", "received_from") and view[key]]
            assert {"conversation_id", "status"} < set(shown)
        else:
            assert "unknown" != fold_resource(event.kind, event.subject, [event])["status"]


def test_every_published_transcript_is_read():
    """Whatever the receiver's author expected: its turns are there."""
    events = [event for body in published().values() if (event := received(body))]
    transcripts = [event for event in events if event.event_type == "application.transcription_ready"]

    for event in transcripts:
        found = choose_transcript([event])
        assert found.turns
        assert (0, 0) == (found.skipped, found.repeated)


def test_all_published_conversation_events_fold_into_one():
    """As if all had happened in one conversation, in either order."""
    events = [event for body in published().values() if (event := received(body))]
    conversation = [event for event in events if event.kind == "conversation"]

    assert folded(*conversation) == folded(*reversed(conversation))


def test_a_record_gives_the_view_that_its_callbacks_give():
    """Fetched or posted or both: one conversation, but for what is named `received…`."""
    for record in records():
        posted = [stored_event(as_posted(event)) for event in record]
        fetched = [
            stored_event(event, source="backfill", received_at=NOW + timedelta(hours=1)) for event in record
        ]

        expected = without_receipt(folded(*posted))
        assert expected == without_receipt(folded(*fetched))
        assert expected == without_receipt(folded(*fetched, *posted))
