"""A recording is served only to the conversation that owns its key."""

import pytest
from recording_stack import COPY_FAILED, READY

from tavus_callbacks.aws.recordings import recording_of
from tavus_callbacks.domain.pushes import recording_type

OTHERS = "tavus/c999/1718780000000"


@pytest.mark.parametrize("suffix", ["", ".mp4"])
@pytest.mark.parametrize("depth", ["", "deep/"])
@pytest.mark.parametrize("event_type", [READY, COPY_FAILED])
@pytest.mark.parametrize("object_first", [True, False])
def test_a_claim_in_another_s_folder_is_never_served(recordings, suffix, depth, event_type, object_first):
    """List, link and `latest` refuse it, and the bucket is not asked, in either order of arrival."""
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
    """`latest` is the conversation's own recording, and the owner still reads the claimed one."""
    own = "tavus/c123/1718770000000"
    recordings.put(own)
    recordings.claim(own)
    recordings.put(OTHERS)
    recordings.claim(OTHERS)
    recordings.say("c123", bucket_name=recordings.bucket, s3_key=OTHERS)
    assert "1718770000000" == recordings.link("c123", query="format=json").value["recording_id"]
    assert 302 == recordings.link("c999").status


def test_a_row_of_an_earlier_version_is_not_served():
    """A stored row without the status, with an object noted, is `other_conversation` and sends no push."""
    row = {
        "subject": "c123",
        "recording_id": "x1",
        "claim": {"provider": "s3", "bucket": "ours", "key": OTHERS},
        "object": {"key": OTHERS, "size": 5, "modified_at": "2026-01-01T00:00:00Z"},
        "seen_in": "ours",
        "was_there": True,
    }
    recording = recording_of(row, "ours")
    assert recording.claim is not None
    assert ("other_conversation", None, False) == (
        recording.claim.status,
        recording.size,
        recording.was_there,
    )
    assert recording_type(recording) is None
