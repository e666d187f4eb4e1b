"""Failed records about who is erased: cut out of the batches that functions could not process.

A batch holds records of many subjects. What is left of it is written back under its key; one of which nothing
is left is removed.
"""

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

from tavus_callbacks.aws.items import read_item
from tavus_callbacks.domain.callbacks.recording_place import owner_of
from tavus_callbacks_cli.erasure.place import Left, Piece, Place, Subject, Wanted


def of_failed(place: Place, wanted: Wanted) -> Iterator[Piece | Left]:
    """Yield each batch with records about somebody, and how these are cut out of it."""
    for key, raw in _batches(place):
        left = _without(wanted, raw)
        if left != raw:
            yield Piece("failed", key, partial(_write, place, key, left))
        elif not _names_subjects(raw):
            yield from wanted.left_by_name("failed", key, raw)


def subjects_in(place: Place, wanted: Wanted) -> Iterator[Subject]:
    """Yield the subjects of failed records with the tag: their events may be in no summary."""
    for _, raw in _batches(place):
        yield from _tagged(wanted, raw)


def _tagged(wanted: Wanted, raw: bytes) -> list[Subject]:
    """Return the subjects of a batch's records with the tag; a batch of another shape has no subjects."""
    try:
        event = _event(json.loads(raw))
        images = [_image(record) for record in event.get("Records") or ()]
        found = [
            _subject(image) for image in images if "pk" in image and wanted.has_tag(image.get("tags", {}))
        ]
        return found + ([_pushed(event)] if wanted.is_told_of(event) else [])
    except (ValueError, KeyError, TypeError, AttributeError):
        return []


def _names_subjects(raw: bytes) -> bool:
    """Tell whether a batch says whom it is about."""
    try:
        event = _event(json.loads(raw))
        return "detail" in event or all("pk" in _image(record) for record in event["Records"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return False


def _pushed(event: dict[str, Any]) -> Subject:
    return event["detail"]["kind"], event["detail"]["subject"]


def _batches(place: Place) -> Iterator[tuple[str, bytes]]:
    s3, bucket = place.deployment.client("s3"), place.deployment.outputs["FailedBucketName"]
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for key in (each["Key"] for each in page.get("Contents", ())):
            yield key, s3.get_object(Bucket=bucket, Key=key)["Body"].read()


def _event(batch: dict[str, Any]) -> dict[str, Any]:
    """Return the event that a function could not process."""
    event: dict[str, Any] = json.loads(batch["payload"]) if "payload" in batch else batch["requestPayload"]
    return event


def _write(place: Place, key: str, left: bytes | None) -> None:
    s3, bucket = place.deployment.client("s3"), place.deployment.outputs["FailedBucketName"]
    if left is None:
        s3.delete_object(Bucket=bucket, Key=key)
    else:
        s3.put_object(Bucket=bucket, Key=key, Body=left, ContentType="application/json")


def _without(wanted: Wanted, raw: bytes) -> bytes | None:
    """Return what is left of a batch, the same bytes where all of it is, None where nothing is."""
    try:
        batch = json.loads(raw)
        event = _event(batch)
        records = event.get("Records")
    except (ValueError, KeyError, TypeError, AttributeError):
        # Of no shape that we know.
        return None if wanted.is_named_in(raw) else raw
    if records is None:
        return None if wanted.is_told_of(event) or _is_about_object(wanted, event) else raw
    kept = [record for record in records if not _is_about(wanted, record)]
    if len(kept) == len(records):
        return raw
    return _rewritten(batch, {**event, "Records": kept}) if kept else None


def _rewritten(batch: dict[str, Any], event: dict[str, Any]) -> bytes:
    member = {"payload": json.dumps(event)} if "payload" in batch else {"requestPayload": event}
    return json.dumps({**batch, **member}).encode()


def _is_about_object(wanted: Wanted, event: dict[str, Any]) -> bool:
    key = str(event.get("detail", {}).get("object", {}).get("key", ""))
    return owner_of(key) in wanted.conversations


def _is_about(wanted: Wanted, record: dict[str, Any]) -> bool:
    """Tell whether a record is about a subject or has the tag; one of another shape, whether it names it."""
    image = _image(record)
    if not image:
        return wanted.is_named_in(json.dumps(record).encode())
    return wanted.takes(_subject(image), image.get("tags", {}))


def _image(record: dict[str, Any]) -> dict[str, Any]:
    """Return the key and the tags of the row that a record of the stream is about, {} for another record."""
    image = record.get("dynamodb", {}).get("NewImage", {})
    return {name: read_item(image)[name] for name in ("pk", "tags") if name in image}


def _subject(image: dict[str, Any]) -> Subject:
    kind, _, subject = str(image.get("pk", "")).partition("#")
    return kind, subject
