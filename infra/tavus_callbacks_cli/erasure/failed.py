"""Failed records about the selected subjects: cut out of the batches that functions could not process.

A batch holds records of many subjects. The rest of it is written back under its key; if there is no rest, the
batch is removed.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

from tavus_callbacks.aws.items import read_item
from tavus_callbacks.domain.callbacks.recording_owner import owner_of
from tavus_callbacks_cli.erasure.pieces import Leftover, Piece, leftovers_by_name
from tavus_callbacks_cli.operations.failed import batch_event
from tavus_callbacks_cli.operations.selection import Selection, Subject
from tavus_callbacks_cli.targets.aws_stack import Deployment

# Raised by a batch or a record of another shape; ArithmeticError by text where a number belongs.
_UNREADABLE = (ValueError, KeyError, TypeError, AttributeError, ArithmeticError)
_EVER = datetime.min.replace(tzinfo=UTC)


def failed_pieces(
    deployment: Deployment, selection: Selection, since: datetime = _EVER
) -> Iterator[Piece | Leftover]:
    """Yield each batch written since a time with records about the subjects, and how these are cut out."""
    s3, bucket = deployment.client("s3"), deployment.outputs["FailedBucketName"]
    for key, raw in _batches(deployment, since):
        rest = cut_out(selection, raw)
        if rest is None:
            yield Piece("failed", key, partial(s3.delete_object, Bucket=bucket, Key=key))
        elif rest != raw:
            write = partial(s3.put_object, Bucket=bucket, Key=key, Body=rest, ContentType="application/json")
            yield Piece("failed", key, write)
        elif not _names_subjects(raw):
            yield from leftovers_by_name(selection, "failed", key, raw)


def failed_subjects(deployment: Deployment, selection: Selection) -> Iterator[Subject]:
    """Yield the subjects of failed records with the tag: no summary may have their events."""
    for _, raw in _batches(deployment):
        try:
            event = batch_event(json.loads(raw))
            images = [_image(record) for record in event.get("Records") or ()]
            subjects = [
                _subject(image)
                for image in images
                if "pk" in image and selection.has_tag(image.get("tags", {}))
            ]
            if selection.takes_push(event):
                subjects.append((event["detail"]["kind"], event["detail"]["subject"]))
        except _UNREADABLE:
            continue
        yield from subjects


def _batches(deployment: Deployment, since: datetime = _EVER) -> Iterator[tuple[str, bytes]]:
    s3, bucket = deployment.client("s3"), deployment.outputs["FailedBucketName"]
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for key in (each["Key"] for each in page.get("Contents", ()) if each["LastModified"] >= since):
            yield key, s3.get_object(Bucket=bucket, Key=key)["Body"].read()


def _names_subjects(raw: bytes) -> bool:
    """Tell whether a batch names the subjects of its records."""
    try:
        event = batch_event(json.loads(raw))
        return "detail" in event or all("pk" in _image(record) for record in event["Records"])
    except _UNREADABLE:
        return False


def cut_out(selection: Selection, raw: bytes) -> bytes | None:
    """Return the rest of a batch without the selected records: the same bytes for all, None for nothing."""
    try:
        batch = json.loads(raw)
        event = batch_event(batch)
        records = event.get("Records")
    except _UNREADABLE:
        return None if selection.takes_text(raw) else raw
    if records is None:
        key = str(event.get("detail", {}).get("object", {}).get("key", ""))
        is_selected = selection.takes_push(event) or owner_of(key) in selection.conversations
        return None if is_selected else raw
    rest = [record for record in records if not _is_selected(selection, record)]
    if len(rest) == len(records):
        return raw
    if not rest:
        return None
    event = {**event, "Records": rest}
    member = {"payload": json.dumps(event)} if "payload" in batch else {"requestPayload": event}
    return json.dumps({**batch, **member}).encode()


def _is_selected(selection: Selection, record: dict[str, Any]) -> bool:
    """Tell whether a record is about a subject or has the tag; for another shape, whether it names one."""
    image = _image(record)
    if "pk" not in image:
        return selection.takes_text(json.dumps(record).encode())
    return selection.takes(_subject(image), image.get("tags", {}))


def _image(record: dict[str, Any]) -> dict[str, Any]:
    """Return the key and the tags of the row of a stream's record, without what cannot be read."""
    image, row = record.get("dynamodb", {}).get("NewImage", {}), {}
    for name, expected in (("pk", str), ("tags", dict)):
        try:
            value = read_item({name: image[name]})[name]
        except _UNREADABLE:
            continue
        if isinstance(value, expected):
            row[name] = value
    return row


def _subject(image: dict[str, Any]) -> Subject:
    kind, _, subject = str(image.get("pk", "")).partition("#")
    return kind, subject
