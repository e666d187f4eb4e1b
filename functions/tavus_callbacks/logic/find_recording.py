"""Find a recording: store what a callback claims, look into the bucket, and check who else claims the key."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tavus_callbacks.domain.recordings.claim import Claim, read_claim, recording_id

if TYPE_CHECKING:
    from tavus_callbacks.aws.stores.recordings import RecordingRows
    from tavus_callbacks.aws.stores.recordings_bucket import RecordingsBucket
    from tavus_callbacks.domain.events.stored_event import StoredEvent
    from tavus_callbacks.domain.recordings.recording import Recording


def look_for_object(
    bucket: "RecordingsBucket", recordings: "RecordingRows", conversation_id: str, key: str
) -> "Recording | None":
    """Look for an object, store the result, and return the recording; raises StoreDown."""
    looked_at = datetime.now(UTC)
    name = recording_id(conversation_id, key)
    return recordings.put_look(conversation_id, name, bucket.find(key), looked_at=looked_at)


def take_claim(
    bucket: "RecordingsBucket", recordings: "RecordingRows", event: "StoredEvent", body: dict[str, Any]
) -> "tuple[Claim, Recording | None]":
    """Store the claim of a recording's callback, and look for the object if it may come; raises StoreDown."""
    claim = read_claim(event.event_type, event.subject, body, bucket=bucket.name, ref=event.event_ref)
    recording = recordings.put_claim(event.subject, claim, ref=event.event_ref, claimed_at=event.received_at)
    if claim.key is not None and claim.may_come:
        recording = look_for_object(bucket, recordings, event.subject, claim.key)
    return claim, recording and recordings.check_rivals(recording)


def take_object_change(
    bucket: "RecordingsBucket", recordings: "RecordingRows", conversation_id: str, key: str
) -> "Recording | None":
    """Look for an object that came, went or was archived, and store that one came; raises StoreDown."""
    recording = look_for_object(bucket, recordings, conversation_id, key)
    if recording is None:
        return None
    recording = recordings.check_rivals(recording)
    if recording.has_object:
        recordings.put_object_came(conversation_id)
    return recording
