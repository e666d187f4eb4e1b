"""A recording as it is read, and what to tell who cannot watch it."""

from datetime import datetime, timedelta
from typing import Any

from tavus_callbacks.domain.recording import UNUSABLE_KEY, Recording, Status, status_of
from tavus_callbacks.domain.timestamps import iso

_WHY: dict[Status, str] = {
    "pending": "The recording is announced and its object is not there yet. Ask again in a minute.",
    "missing": "No object is there under the recording's key. Look in the bucket, and at the role that Tavus "
    "assumes: `tavus-callbacks doctor` checks it.",
    "failed": "Tavus could not deliver the recording; it keeps a failed copy about 30 days. Ask its support.",
    "other_bucket": "The recording lies in a bucket that is not this stack's. Read it where it lies.",
    "other_provider": "The recording lies with another storage provider. Read it where it lies.",
}
_NO_KEY = f"{UNUSABLE_KEY} Read in its event what it names: `tavus-callbacks show ID --events` lists them."
ARCHIVED = "The object is archived. Restore it in S3 (`aws s3api restore-object`), then ask again."


def recording_view(
    conversation_id: str, recording: Recording, *, now: datetime, missing_after: timedelta
) -> dict[str, Any]:
    """Describe a recording; size in bytes, duration in seconds as Tavus sent it."""
    claim = recording.claim
    return {
        "recording_id": recording.recording_id,
        "conversation_id": conversation_id,
        "key": recording.key,
        "status": status_of(recording, now=now, missing_after=missing_after),
        "announced": claim is not None,
        "size": recording.size,
        "duration": claim.duration if claim else None,
        "content_type": recording.content_type,
        "version": recording.version,
        "storage_class": recording.storage_class,
        "provider": claim.provider if claim else "s3",
        "bucket": claim.bucket if claim and claim.status == "other_bucket" else None,
        "message": claim.message if claim else None,
        "issues": list(claim.issues) if claim else [],
        "modified_at": iso(recording.modified_at) if recording.modified_at else None,
        "received_at": iso(recording.claimed_at) if recording.claimed_at else None,
    }


def why_not_playable(recording: Recording, status: Status) -> str | None:
    """Return why a recording cannot be watched and what to do, or None where it can."""
    if status == "available":
        return ARCHIVED if recording.is_archived else None
    message = recording.claim.message if recording.claim else None
    if message == UNUSABLE_KEY:
        return _NO_KEY
    return f"{_sentence(message)} {_WHY[status]}" if message and status == "failed" else _WHY[status]


def _sentence(text: str) -> str:
    bare = text.rstrip()
    return bare if bare.endswith((".", "!", "?", "…")) else f"{bare}."
