"""Failed records about who is erased: cut out of the batches that functions could not process.

A batch holds records of many subjects. What is left of it is written back under its key; one of which nothing
is left is removed.
"""

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

from tavus_callbacks.aws import rows
from tavus_callbacks_cli.erasure.place import Piece, Place, Wanted
from tavus_callbacks_cli.erasure.recordings import owner_of


def of_failed(place: Place, wanted: Wanted) -> Iterator[Piece]:
    """Yield each batch with records about somebody, and how these are cut out of it."""
    s3, bucket = place.deployment.client("s3"), place.deployment.outputs["FailedBucketName"]
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for key in (one["Key"] for one in page.get("Contents", ())):
            raw = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
            left = _without(wanted, raw)
            if left != raw:
                yield Piece("failed", key, partial(_write, place, key, left))


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
        event = json.loads(batch["payload"]) if "payload" in batch else batch["requestPayload"]
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
    """Tell whether a record of the stream is of a subject or has the tag; another, whether it names it."""
    image = record.get("dynamodb", {}).get("NewImage")
    if image is None:
        return wanted.is_named_in(json.dumps(record).encode())
    item = {name: rows.read(image)[name] for name in ("pk", "tags") if name in image}
    return item.get("pk") in wanted.partitions or wanted.has_tag(item.get("tags", {}))
