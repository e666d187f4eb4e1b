"""Everything that others published folds: bodies, records of the API, resources."""

from datetime import timedelta

from folding import NOW, SETTINGS, published, stored_event, without_receipt

from tavus_callbacks.domain.common.errors import CallbackError
from tavus_callbacks.domain.conversations.view import fold_conversation
from tavus_callbacks.domain.resources.view import fold_resource
from tavus_callbacks.domain.transcripts.transcript import choose_transcript

VERBOSE = "rest-get-conversation-verbose"


def received(body, **how):
    """Return the stored event of a body, or None if it would go to quarantine."""
    try:
        return stored_event(body, **how)
    except CallbackError:
        return None


def folded(*events):
    """Return the view of events."""
    return fold_conversation("c123", events, now=NOW, settings=SETTINGS)


def records():
    """Return the events of each verbose record, with the conversation's id."""
    for name, record in published().items():
        if name.startswith(VERBOSE) and record.get("events"):
            conversation_id = record.get("conversation_id", "c123")
            yield [{**event, "conversation_id": conversation_id} for event in record["events"]]


def as_posted(event):
    """Return the callback of a record's event; one without a time keeps its content, its identity."""
    envelope = {"webhook_url": "https://example.com/callbacks/x"}
    message_type = {"message_type": event["event_type"].partition(".")[0]} if "timestamp" in event else {}
    return envelope | message_type | event


def test_every_published_body_folds():
    """Each published body folds and is in its view."""
    events = {name: event for name, body in published().items() if (event := received(body))}

    for event in events.values():
        if event.kind == "conversation":
            view = folded(event)
            shown = [key for key in view if key not in ("tags", "labels", "received_from") and view[key]]
            assert {"conversation_id", "status"} < set(shown)
        else:
            assert "unknown" != fold_resource(event.kind, event.subject, [event])["status"]


def test_every_published_transcript_is_read():
    """Each published transcript has turns."""
    events = [event for body in published().values() if (event := received(body))]
    transcripts = [event for event in events if event.event_type == "application.transcription_ready"]

    for event in transcripts:
        found = choose_transcript([event])
        assert found.turns
        assert (0, 0) == (found.skipped, found.repeated)


def test_all_published_conversation_events_fold_into_one():
    """All published events fold as one conversation, in either order."""
    events = [event for body in published().values() if (event := received(body))]
    conversation = [event for event in events if event.kind == "conversation"]

    assert folded(*conversation) == folded(*reversed(conversation))


def test_a_record_gives_the_view_that_its_callbacks_give():
    """Callbacks, the record, and both together give one view, except for members named `received…`."""
    for record in records():
        posted = [stored_event(as_posted(event)) for event in record]
        fetched = [
            stored_event(event, source="backfill", received_at=NOW + timedelta(hours=1)) for event in record
        ]

        expected = without_receipt(folded(*posted))
        assert expected == without_receipt(folded(*fetched))
        assert expected == without_receipt(folded(*fetched, *posted))
