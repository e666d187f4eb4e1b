"""Find a recording: store the claim of a callback, check the bucket, and look for other claims of the key."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, cast

from tavus_callbacks.domain.common.errors import StoreDown
from tavus_callbacks.domain.recordings import view
from tavus_callbacks.domain.recordings.claim import Claim, RecordingStatus, read_claim, recording_id
from tavus_callbacks.domain.recordings.recording import recording_status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tavus_callbacks.aws.stores.recordings import RecordingRows
    from tavus_callbacks.aws.stores.recordings_bucket import RecordingsBucket
    from tavus_callbacks.aws.stores.summaries import ListedSummary
    from tavus_callbacks.domain.conversations.facts import Facts
    from tavus_callbacks.domain.events.stored_event import StoredEvent
    from tavus_callbacks.domain.recordings.recording import Recording

# A reader looks for a recording at most this often …
LOOK_INTERVAL = timedelta(minutes=1)
# … and for so many in one request: a look is one or two HEADs.
LOOKS = 5
# Recordings of one conversation in a row of a list.
MOST_STATUSES = 40


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
    """Look for an object that changed, and store that one arrived; raises StoreDown."""
    recording = look_for_object(bucket, recordings, conversation_id, key)
    if recording is None:
        return None
    recording = recordings.check_rivals(recording)
    if recording.has_object:
        recordings.put_object_came(conversation_id, recording.recording_id)
    return recording


def refresh_recordings(
    # Most readers need no look, and so no client of S3.
    get_bucket: "Callable[[], RecordingsBucket]",
    rows: "RecordingRows",
    conversation_id: str,
    recordings: "Sequence[Recording]",
    now: datetime,
) -> "Sequence[Recording]":
    """Return recordings after a look for those that may have changed without an event; raises StoreDown."""
    due = [
        recording
        for recording in recordings
        if recording.may_come
        and not (recording.has_object and recording.names_bucket and recording.has_events)
        and not (recording.looked_at is not None and now - recording.looked_at < LOOK_INTERVAL)
    ]
    if not due:
        return recordings
    for recording in islice(due, LOOKS):
        look_for_object(get_bucket(), rows, conversation_id, str(recording.key))
    names = {recording.recording_id for recording in recordings}
    return [recording for recording in rows.list_known(conversation_id) if recording.recording_id in names]


def recording_statuses(
    rows: "RecordingRows",
    listed: "Iterable[ListedSummary]",
    *,
    now: datetime,
    missing_after: timedelta,
) -> dict[str, list[RecordingStatus]]:
    """Return the statuses of the recordings of some conversations, each by recording id, at the last look.

    The ids follow from what callbacks announced and from the notes of objects that came.
    """
    ids: dict[str, list[str]] = {}
    recordings: dict[str, Iterable[Recording]] = {}
    for row in listed:
        facts = cast("Facts", row.facts)
        possible = facts.possible_recording_ids(row.subject) | row.object_ids
        if possible:
            # The rest would be sent by somebody who floods the stack.
            ids[row.subject] = sorted(possible)[:MOST_STATUSES]
        elif row.has_object:
            # A note that an earlier version wrote names no recording.
            recordings[row.subject] = rows.list_known(row.subject)
    if ids:
        recordings |= rows.list_by_ids(ids)
    return {
        name: [recording_status(each, now=now, missing_after=missing_after) for each in several]
        for name, several in recordings.items()
    }


def view_recordings(  # noqa: PLR0913 - the stores, the recordings and the time
    get_bucket: "Callable[[], RecordingsBucket]",
    rows: "RecordingRows",
    conversation_id: str,
    recordings: "Sequence[Recording]",
    *,
    now: datetime,
    missing_after: timedelta,
) -> list[view.Recording]:
    """Return the views of recordings, after a look, or without one if the bucket does not answer now."""
    with suppress(StoreDown):
        recordings = refresh_recordings(get_bucket, rows, conversation_id, recordings, now)
    return [view.recording_view(each, now=now, missing_after=missing_after) for each in recordings]
