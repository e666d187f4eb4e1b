"""Recordings of who is erased: every version of every object, delete markers and uploads that never ended.

A conversation's own are those under `tavus/<id>/`, with the slash, for ids may begin alike. A callback may
claim any other key as well, and may be forged: such an object goes only where it lies in nobody's folder and
no other conversation claims it. Whatever is left is listed.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any
from urllib.parse import quote

from tavus_callbacks.aws.stores.recordings import RecordingRows
from tavus_callbacks.domain.callbacks.recording_place import other_form, owner_of
from tavus_callbacks.domain.recordings.claim import recording_id
from tavus_callbacks.domain.recordings.recording import Recording
from tavus_callbacks_cli.erasure.place import CONVERSATION, Left, Piece, Place, Wanted
from tavus_callbacks_cli.operations.reindex import subjects

_FOLDER = "tavus/"
_STORE = "recordings bucket"

# Paths with `*` that CloudFront takes at once (Developer Guide, "Concurrent invalidation request maximum").
_WILDCARDS = 15


def folder(conversation_id: str) -> str | None:
    """Return where Tavus writes a conversation's recordings; None for an id that is no folder."""
    return None if "/" in conversation_id else f"{_FOLDER}{conversation_id}/"


def of_recordings(place: Place, wanted: Wanted) -> Iterator[Piece | Left]:
    """Yield the versions and uploads to remove, and what is left in buckets that are not the stack's."""
    yield from _objects_elsewhere(place, wanted)
    if not place.deployment.has_recordings:
        return
    for prefix in filter(None, map(folder, wanted.conversations)):
        yield from _versions(place, prefix)
        yield from _uploads(place, prefix)
    for recording in _claimed(place, wanted):
        yield from _of_claim(place, wanted, recording)


def paths(place: Place, wanted: Wanted) -> list[str]:
    """Return what CloudFront must forget: with `*`, for its cache knows a key with several queries."""
    prefixes = list(filter(None, map(folder, wanted.conversations)))
    # The shorter name: with the `*` it is both.
    outside = {
        min(_keys(one), key=len) for one in _claimed(place, wanted) if _reason(place, wanted, one) is None
    }
    found = [f"/{quote(each, safe='/-._~')}*" for each in (*prefixes, *sorted(outside))]
    # What others have in the cache is only fetched again.
    return found if len(found) <= _WILDCARDS else ["/*"]


def invalidate(place: Place, wanted: Wanted, reference: str) -> str | None:
    """Let CloudFront forget recordings and return the invalidation's id; None where nothing is cached."""
    distribution = place.deployment.outputs.get("DistributionId")
    items = paths(place, wanted) if distribution and not place.deployment.is_local else []
    if not items:
        return None
    batch = {"Paths": {"Quantity": len(items), "Items": items}, "CallerReference": reference}
    answer = place.deployment.client("cloudfront").create_invalidation(
        DistributionId=distribution, InvalidationBatch=batch
    )
    return str(answer["Invalidation"]["Id"])


def _s3(place: Place) -> tuple[Any, str]:
    return place.deployment.client("s3"), place.deployment.outputs["RecordingsBucketName"]


def _versions(place: Place, prefix: str, only: frozenset[str] | None = None) -> Iterator[Piece]:
    s3, bucket = _s3(place)
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
        for one in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
            if only is None or one["Key"] in only:
                which = {"Bucket": bucket, "Key": one["Key"], "VersionId": one["VersionId"]}
                name = f"{one['Key']} version {one['VersionId']}"
                yield Piece(_STORE, name, partial(s3.delete_object, **which))


def _uploads(place: Place, prefix: str) -> Iterator[Piece]:
    s3, bucket = _s3(place)
    for page in s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Prefix=prefix):
        for one in page.get("Uploads", ()):
            which = {"Bucket": bucket, "Key": one["Key"], "UploadId": one["UploadId"]}
            yield Piece(_STORE, f"{one['Key']} upload", partial(s3.abort_multipart_upload, **which))


def _recordings(place: Place, conversation: str) -> list[Recording]:
    """Return a conversation's recordings, those too that only another bucket has held."""
    bucket = place.deployment.outputs.get("RecordingsBucketName")
    return RecordingRows(place.store.client, place.store.table, bucket=bucket).list_all(conversation)


def _objects_elsewhere(place: Place, wanted: Wanted) -> Iterator[Left]:
    """Yield the objects that were last seen in a bucket that the stack no longer has."""
    for conversation in wanted.conversations:
        for one in _recordings(place, conversation):
            if one.seen_elsewhere is not None:
                reason = f"it was seen in another bucket ({one.seen_elsewhere}): erase it there"
                yield Left(_STORE, one.key or one.recording_id, reason)


def _claimed(place: Place, wanted: Wanted) -> Iterator[Recording]:
    """Yield recordings whose callback names a key outside of the conversation's own folder."""
    for conversation in wanted.conversations:
        own = folder(conversation)
        for one in _recordings(place, conversation):
            is_own = own is not None and str(one.key).startswith(own) and _is_here(one)
            if one.key is not None and not is_own:
                yield one


def _is_here(recording: Recording) -> bool:
    return recording.has_object or recording.may_come


def _keys(recording: Recording) -> frozenset[str]:
    """Return the names under which an object may lie: with `.mp4` and without."""
    return frozenset((str(recording.key), other_form(str(recording.key))))


def _of_claim(place: Place, wanted: Wanted, recording: Recording) -> Iterator[Piece | Left]:
    reason = _reason(place, wanted, recording)
    if reason is not None:
        yield Left(_STORE, str(recording.key), reason)
        return
    keys = _keys(recording)
    yield from _versions(place, min(keys, key=len), only=keys)


def _reason(place: Place, wanted: Wanted, recording: Recording) -> str | None:
    """Say why an object that a callback claims is left, or None where it is to go."""
    claim = recording.claim
    if claim is not None and recording.is_own and not _is_here(recording):
        if claim.status == "failed":
            return f"its copy to {claim.provider} failed: if it was delivered later, erase it there"
        return f"it lies elsewhere ({claim.provider}, bucket {claim.bucket}): erase it there"
    # Checked whatever the status says, because this guards a deletion.
    owner = owner_of(str(recording.key))
    if owner is not None:
        # The owner's own erasure removes the object, so it is no leftover if the owner is erased too.
        return None if owner in wanted.conversations else f"it lies in the folder of conversation {owner}"
    others = sorted(_claimants(place, str(recording.key)) - set(wanted.conversations))
    return f"conversation {others[0]} claims it too" if others else None


def _claimants(place: Place, key: str) -> set[str]:
    """Return the conversations that have a recording of a key; rare, for Tavus writes into folders alone."""
    recordings = RecordingRows(place.store.client, place.store.table)
    return {
        subject
        for kind, subject in subjects(place.store)
        if kind == CONVERSATION and recordings.exists(subject, recording_id(subject, key))
    }
