"""The function that finds recordings: told by the event stream of a claim, and by S3 of an object.

It tells the bus itself, for what it notes passes no stream filter: noted, told, and then noted as told, so
that a crash in between tells again.
"""

from functools import partial
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import EventType

from tavus_callbacks.aws.stores.recordings import Row, look
from tavus_callbacks.aws.stores.subject_events import read_body
from tavus_callbacks.domain.callbacks.recording_place import conversation_of
from tavus_callbacks.domain.common.issues import TOO_MANY_PARTS
from tavus_callbacks.domain.common.lenient_json import parse_stored_body
from tavus_callbacks.domain.common.metrics import Counts, count, of_recording
from tavus_callbacks.domain.events.stored_event import StoredEvent
from tavus_callbacks.domain.recordings.recording import Status, certain_status, claim_of, recording_id
from tavus_callbacks.logic.publish import publish_recording
from tavus_callbacks.runtime import batches, wiring
from tavus_callbacks.runtime.log import write

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord

logger = Logger(location=None, use_rfc3339=True)

CREATED = "Object Created"
processor = batches.processor_of(EventType.DynamoDBStreams)


def handler(event: dict[str, Any], context: Any) -> Any:
    """Take a batch of the event stream, or one S3 event from EventBridge."""
    if "Records" in event:
        return batches.take(event, context, _claimed, processor, partial(write, logger))
    _changed(event)
    return None


def _claimed(record: "DynamoDBRecord") -> Counts:
    """Note what a callback claims, and look for the object it names."""
    item = batches.item_of(record)
    event = StoredEvent.from_row(item)
    conversation_id, ref = event.subject, event.event_ref
    # Before the body is read: erased, it is gone, while the stream still tells of it.
    if _is_erased(conversation_id):
        return {}
    raw = read_body(item, wiring.bodies())
    if raw is None:
        write(logger, "claim not read", {"conversation_id": conversation_id, "cause": TOO_MANY_PARTS})
        return {}
    body = parse_stored_body(raw.decode())
    bucket = wiring.recordings_bucket()
    claim = claim_of(event.event_type, conversation_id, body, bucket=bucket.name, ref=ref)
    row = wiring.recordings().claim(conversation_id, claim, ref=ref, claimed_at=event.received_at)
    if claim.key is not None and claim.may_come:
        row = look(bucket, wiring.recordings(), conversation_id, claim.key)
    _tell_or_take_back(conversation_id, claim.recording_id, claim.key, row)
    logger.info(
        "recording claimed",
        extra={"conversation_id": conversation_id, "recording_id": claim.recording_id, "claim": claim.status},
    )
    # The file of a failed copy may be there by now; a claim of another place counts as what it says.
    elsewhere = None if claim.status == "failed" else claim.status
    return of_recording(elsewhere or _status(row, otherwise="pending"))


def _changed(event: dict[str, Any]) -> None:
    """Note that an object came, went or was archived; objects outside the layout are not recordings."""
    changed = event["detail"]["object"]
    conversation_id = conversation_of(changed["key"])
    if conversation_id is not None and _is_erased(conversation_id):
        # Of what was removed S3 tells too: removing that again would never end.
        if event["detail-type"] == CREATED:
            wiring.recordings_bucket().remove(changed["key"], changed["version-id"])
        return
    record = {"change": event["detail-type"], "conversation_id": conversation_id}
    if conversation_id is None:
        logger.info("object ignored", extra=record)
        return
    row = look(wiring.recordings_bucket(), wiring.recordings(), conversation_id, changed["key"])
    if row is not None and wiring.recordings().read(row).has_object:
        wiring.recordings().note_came(conversation_id)
    _tell_or_take_back(conversation_id, recording_id(conversation_id, changed["key"]), changed["key"], row)
    counts = of_recording(_status(row, otherwise="missing"))
    write(logger, "object changed", {**record, **counts})


def _status(row: Row | None, *, otherwise: Status) -> Status:
    """Return what a row shows now, or `otherwise` where only time can tell."""
    certain = certain_status(wiring.recordings().read(row)) if row else None
    return certain or otherwise


def _is_erased(conversation_id: str) -> bool:
    is_erased = wiring.summaries().tombstones.is_erased("conversation", conversation_id)
    if is_erased:
        write(logger, "late", {"outcome": "erased", **count("erased")})
    return is_erased


def _tell_or_take_back(conversation_id: str, name: str, key: str | None, row: Row | None) -> None:
    """Tell of a recording, or remove a row that was noted while its conversation was being erased."""
    if _is_erased(conversation_id):
        wiring.recordings().remove(conversation_id, name, key)
    else:
        publish_recording(wiring.event_bus(), wiring.summaries(), wiring.recordings(), conversation_id, row)
