"""The views of a recording that the API answers, and why a recording cannot be watched."""

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from pydantic import Field

from tavus_callbacks.domain.common.period import Period
from tavus_callbacks.domain.common.view import Moment, View
from tavus_callbacks.domain.recordings.claim import UNUSABLE_KEY, RecordingStatus
from tavus_callbacks.domain.recordings.copy_failure import explain_copy_failure
from tavus_callbacks.domain.recordings.recording import Recording as StoredRecording
from tavus_callbacks.domain.recordings.recording import recording_status

_WHY: dict[RecordingStatus, str] = {
    "pending": "A callback announced the recording, but its object has not arrived. Try again in a minute.",
    "missing": "The bucket has no object with the recording's key. Check the bucket and the role that Tavus "
    "assumes: `tavus-callbacks doctor` checks both.",
    "other_bucket": "The recording is in a bucket that does not belong to this stack. Read it there.",
    "other_conversation": "The key is in another conversation's folder, or another conversation claims it "
    "too. `tavus-callbacks show ID --events` lists the callback that contains it.",
    "other_provider": "The recording is at another storage provider. Read it there.",
}
_NO_KEY = "See its event for the key that was sent: `tavus-callbacks show ID --events` lists the events."
_EMPTY = "The object has 0 bytes."
_FILL = "Upload the recording again under the same key, or ask Tavus's support to deliver it again."
_MOVED = "It was last seen in bucket {bucket}, which does not belong to this stack. Copy it from there."
# Tavus ends a key with the milliseconds since 1970 at which the recording starts.
_START = re.compile(r"(?:.*/)?([0-9]{13})(?:\.[A-Za-z0-9]+)?", re.DOTALL)
ARCHIVED = "The object is archived. Restore it in S3 (`aws s3api restore-object`), then try again."


class Recording(View):
    """A recording: what a callback announced, and what the bucket contains."""

    recording_id: str
    conversation_id: str
    key: str | None
    status: RecordingStatus
    announced: bool = Field(description="Whether a callback announced it.")
    size: int | None = Field(description="Bytes.")
    duration: float | None = Field(description="Seconds, as Tavus sends it.")
    content_type: str | None
    version: str | None = Field(description="S3's version id of the object.")
    storage_class: str | None
    provider: str
    bucket: str | None
    message: str | None = Field(description="Why it failed, in Tavus's words if it sends any.")
    error_code: str | None = Field(description="Why it failed, as Tavus sends it.")
    explanation: str | None = Field(description="The meaning of the failure, and the next step.")
    issues: list[str]
    modified_at: Moment | None
    received_at: Moment | None


class ConversationRecording(Recording):
    """A recording in the view of its conversation, with its start and offset."""

    started_at: Moment | None = Field(
        description="The start, from its key; null if the key contains no time within the conversation."
    )
    offset: float | None = Field(
        description="Seconds to add to the `start` of a turn to find it in the recording; null if unknown."
    )


class RecordingLink(View):
    """A link that plays a recording until it expires."""

    recording_id: str
    url: str
    expires_at: Moment


def recording_view(recording: StoredRecording, *, now: datetime, missing_after: timedelta) -> Recording:
    """Return the view of a recording; size in bytes, duration in seconds as Tavus sent it."""
    claim, status = recording.claim, recording_status(recording, now=now, missing_after=missing_after)
    return Recording(
        recording_id=recording.recording_id,
        conversation_id=recording.conversation_id,
        key=recording.key,
        status=status,
        announced=claim is not None,
        size=recording.size,
        duration=claim.duration if claim else None,
        content_type=recording.content_type,
        version=recording.version,
        storage_class=recording.storage_class,
        provider=claim.provider if claim else "s3",
        bucket=claim.bucket if claim and claim.status == "other_bucket" else None,
        **failure(recording, status)._asdict(),
        issues=list(claim.issues) if claim else [],
        modified_at=recording.modified_at,
        received_at=recording.claimed_at,
    )


def recording_start(key: str | None, period: Period) -> datetime | None:
    """Return when a recording starts, by the 13 digits that end its key; None if they are no such time."""
    match = _START.fullmatch(key or "")
    start = datetime.fromtimestamp(int(match[1]) / 1000, UTC) if match else None
    return start if start is not None and period.includes(start) else None


def unplayable_reason(recording: StoredRecording, status: RecordingStatus) -> str | None:
    """Return why a recording cannot be watched and what to do, or None if it can."""
    if status == "available":
        return ARCHIVED if recording.is_archived else None
    if status == "failed":
        message, _, explanation = failure(recording, status)
        sentence = (message or "").rstrip()
        return f"{sentence if sentence.endswith(('.', '!', '?', '…')) else sentence + '.'} {explanation}"
    if status == "missing" and recording.seen_elsewhere:
        return f"{_WHY[status]} {_MOVED.format(bucket=recording.seen_elsewhere)}"
    return _WHY[status]


class Failure(NamedTuple):
    """Why a recording failed: the message, Tavus's code, and an explanation. All None unless it failed."""

    message: str | None = None
    error_code: str | None = None
    explanation: str | None = None


def failure(recording: StoredRecording, status: RecordingStatus) -> Failure:
    """Return why a recording failed."""
    if status != "failed":
        return Failure()
    claim = recording.claim
    # A failed copy can leave an empty object behind; Tavus's own message says more.
    if claim is None or claim.message is None:
        return Failure(_EMPTY, None, _FILL)
    explanation = _NO_KEY if claim.message == UNUSABLE_KEY else explain_copy_failure(claim.error_code)
    return Failure(claim.message, claim.error_code, explanation)
