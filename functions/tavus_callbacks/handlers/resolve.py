"""The function that finds recordings: invoked by the event stream for claims, and by S3 for objects.

It publishes recordings itself, because no stream rule sees the rows it writes. It writes a row, publishes it,
and then stores that it is published, so that a crash in between publishes it again.
"""

from functools import partial
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from tavus_callbacks.aws.stores.subject_events import read_body
from tavus_callbacks.domain.callbacks.recording_owner import conversation_of
from tavus_callbacks.domain.common.issues import TOO_MANY_PARTS
from tavus_callbacks.domain.common.lenient_json import parse_stored_body
from tavus_callbacks.domain.common.metrics import Counts, count, recording_counts
from tavus_callbacks.domain.events.stored_event import StoredEvent
from tavus_callbacks.domain.recordings.claim import recording_id
from tavus_callbacks.domain.recordings.recording import Recording, certain_status
from tavus_callbacks.logic.find_recording import take_claim, take_object_change
from tavus_callbacks.logic.publish import publish_recording
from tavus_callbacks.runtime import stream, wiring
from tavus_callbacks.runtime.log import write_record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord

logger = Logger(location=None, use_rfc3339=True)

CREATED = "Object Created"


def handler(event: dict[str, Any], context: Any) -> Any:
    """Take a batch of the event stream or of a redrive, or one S3 event from EventBridge."""
    if "Records" in event:
        return stream.process_groups(event, context, _take_record, partial(write_record, logger))
    _take_change(event)
    return None


def _take_record(records: "Sequence[DynamoDBRecord]") -> Counts:
    """Take the claim of a recording's callback."""
    [record] = records
    row = stream.new_image(record)
    event = StoredEvent.from_row(row)
    # Before the body is read: an erased body is gone, but the stream still has its event.
    if _is_erased(event.subject):
        return {}
    raw = read_body(row, wiring.bodies())
    if raw is None:
        write_record(logger, "claim not read", {"conversation_id": event.subject, "cause": TOO_MANY_PARTS})
        return {}
    body = parse_stored_body(raw)
    claim, recording = take_claim(wiring.recordings_bucket(), wiring.recordings(), event, body)
    _publish_or_remove(event.subject, claim.recording_id, claim.key, recording)
    ids = {"conversation_id": event.subject, "recording_id": claim.recording_id}
    logger.info("recording claimed", extra={**ids, "claim": claim.status})
    # The file of a failed copy may be there by now; a claim of another place counts as what it says.
    elsewhere = None if claim.status == "failed" else claim.status
    return recording_counts(elsewhere or (recording and certain_status(recording)) or "pending")


def _take_change(event: dict[str, Any]) -> None:
    """Process an object that was created, deleted or archived; one outside of folders is ignored."""
    changed = event["detail"]["object"]
    conversation_id = conversation_of(changed["key"])
    record = {"change": event["detail-type"], "conversation_id": conversation_id}
    if conversation_id is None:
        logger.info("object ignored", extra=record)
        return
    if _is_erased(conversation_id):
        # S3 sends an event about a removal too: to remove the object again would never end.
        if event["detail-type"] == CREATED:
            wiring.recordings_bucket().remove(changed["key"], changed["version-id"])
        return
    bucket, recordings = wiring.recordings_bucket(), wiring.recordings()
    recording = take_object_change(bucket, recordings, conversation_id, changed["key"])
    name = recording_id(conversation_id, changed["key"])
    _publish_or_remove(conversation_id, name, changed["key"], recording)
    counts = recording_counts((recording and certain_status(recording)) or "missing")
    write_record(logger, "object changed", {**record, **counts})


def _is_erased(conversation_id: str) -> bool:
    is_erased = wiring.summaries().tombstones.is_erased("conversation", conversation_id)
    if is_erased:
        write_record(logger, "late", {"outcome": "erased", **count("erased")})
    return is_erased


def _publish_or_remove(conversation_id: str, name: str, key: str | None, recording: Recording | None) -> None:
    """Publish a recording, or remove its row if the conversation was erased while it was written."""
    if _is_erased(conversation_id):
        wiring.recordings().remove(conversation_id, name, key)
    elif recording:
        publish_recording(wiring.event_bus(), wiring.summaries(), wiring.recordings(), recording)
