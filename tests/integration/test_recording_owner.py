"""A recording is served only to the conversation that owns its key."""

import json
from datetime import UTC, datetime

import pytest
from projecting import project_all
from recording_stack import COPY_FAILED, READY
from test_other_bucket import problems

from tavus_callbacks.domain.callbacks.intake import parse_event
from tavus_callbacks.domain.conversations.facts import conversation_facts
from tavus_callbacks.domain.events.stored_event import StoredEvent
from tavus_callbacks.domain.pushes.derived import recording_push_type
from tavus_callbacks.domain.recordings.claim import Claim
from tavus_callbacks.domain.recordings.recording import Recording
from tavus_callbacks_cli.erasure import recordings as erasure
from tavus_callbacks_cli.operations.selection import Selection

OTHERS = "tavus/c999/1718780000000"


@pytest.mark.parametrize("suffix", ["", ".mp4"])
@pytest.mark.parametrize("depth", ["", "deep/"])
@pytest.mark.parametrize("event_type", [READY, COPY_FAILED])
@pytest.mark.parametrize("object_first", [True, False])
def test_a_claim_in_another_s_folder_is_never_served(recordings, suffix, depth, event_type, object_first):
    """List, URL and `latest` refuse it, and the bucket is not asked, in either order of arrival."""
    key = f"tavus/c999/{depth}1718780000000{suffix}"
    if object_first:
        recordings.put(key)
    recordings.calls.clear()
    recordings.say("c123", event_type, bucket_name=recordings.bucket, s3_key=key)
    assert [] == recordings.asked("HeadObject")
    if not object_first:
        recordings.put(key)

    recording = recordings.only("c123")

    assert ("other_conversation", None) == (recording["status"], recording["size"])
    assert "other_conversation" in recording["issues"]
    assert 409 == recordings.link("c123").status
    assert 409 == recordings.link("c123", recording["recording_id"]).status


def test_a_uri_in_another_s_folder_is_never_served(recordings):
    """`storage_uri` follows the same rule as `s3_key`."""
    recordings.put(OTHERS)
    recordings.say("c123", storage_uri=f"s3://{recordings.bucket}/{OTHERS}")
    assert "other_conversation" == recordings.only("c123")["status"]
    assert 409 == recordings.link("c123").status


def test_latest_skips_another_s_recording(recordings):
    """`latest` is the conversation's own recording, and the owner still gets the claimed one."""
    own = "tavus/c123/1718770000000"
    recordings.put(own)
    recordings.claim(own)
    recordings.put(OTHERS)
    recordings.claim(OTHERS)
    recordings.say("c123", bucket_name=recordings.bucket, s3_key=OTHERS)
    assert "1718770000000" == recordings.link("c123", query="format=json").value["recording_id"]
    assert 302 == recordings.link("c999").status


def test_a_row_of_an_earlier_version_is_not_served():
    """A stored row without the status but with an object is `other_conversation`, and no push is sent."""
    row = {
        "subject": "c123",
        "recording_id": "x1",
        "claim": {"provider": "s3", "bucket": "ours", "key": OTHERS},
        "object": {"key": OTHERS, "size": 5, "modified_at": "2026-01-01T00:00:00Z"},
        "seen_in": "ours",
        "was_there": True,
    }
    recording = Recording.from_row(row, "ours")
    assert recording.claim is not None
    assert ("other_conversation", None, False) == (
        recording.claim.status,
        recording.size,
        recording.was_there,
    )
    assert recording_push_type(recording) is None


def test_a_forged_claim_is_an_issue_of_its_event(recordings):
    """`receive` marks the event of a key in another's folder, by pair and by URI, and no other event."""
    forged = [
        recordings.say("c123", bucket_name=recordings.bucket, s3_key=OTHERS),
        recordings.say("c123", COPY_FAILED, s3_key=f"{OTHERS}.mp4"),
        recordings.say("c123", storage_uri=f"s3://{recordings.bucket}/{OTHERS}"),
    ]
    honest = [
        recordings.claim("tavus/c123/1"),
        recordings.say("c123", s3_key="outside/1"),
        recordings.say("c123", storage_uri=f"gs://bucket/{OTHERS}"),
    ]
    assert [True] * 3 == ["other_conversation" in reply.value["issues"] for reply in forged]
    assert [False] * 3 == ["other_conversation" in reply.value["issues"] for reply in honest]


def test_problems_list_a_forged_claim(recordings, monkeypatch):
    """The line names the status and the command that shows the recording."""
    recordings.say("c123", bucket_name=recordings.bucket, s3_key=OTHERS)
    project_all(recordings.api)
    [line] = problems(recordings, monkeypatch)
    assert ("recordings other_conversation", 1) == (line["what"], line["count"])
    assert "recording c123" in line["next"]


def test_a_forged_claim_is_no_recording_that_arrived():
    """It counts as announced, and the conversation's own recording stays missing."""
    body = {
        "event_type": READY,
        "conversation_id": "c123",
        "timestamp": "2026-03-01T12:00:00Z",
        "properties": {"s3_key": OTHERS},
    }
    facts = conversation_facts(stored_event_of(body))
    assert (1, frozenset(), frozenset()) == (facts.recording_count, facts.recordings, facts.event_types)


def stored_event_of(body):
    """Return the stored event of a callback."""
    received_at = datetime(2026, 3, 1, 12, tzinfo=UTC)
    event = parse_event(json.dumps(body).encode(), query="", label="test", received_at=received_at)
    return StoredEvent(
        ref=event.ref,
        family=event.family,
        kind=event.kind,
        subject=event.subject,
        event_type=event.event_type,
        occurred_at=event.occurred_at,
        received_at=event.received_at,
        label=event.label,
        tags={},
        source=event.source,
        issues=event.issues,
        content=event.content,
        body_size=len(event.text.encode()),
        body=body,
    )


def test_an_erasure_checks_the_owner_whatever_the_status_says():
    """A recording without the status is left too, because the key decides whether it is deleted."""
    claim = Claim("x1", "s3", key=OTHERS)
    blank = dict.fromkeys(("size", "content_type", "version", "storage_class", "modified_at", "looked_at"))
    recording = Recording("c123", "x1", claim, None, OTHERS, was_there=False, **blank)
    selection = Selection(frozenset({("conversation", "c123")}))
    assert "it lies in the folder of conversation c999" == erasure._obstacle(None, selection, recording)
