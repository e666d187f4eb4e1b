"""Recordings of the selected subjects: all versions of objects, delete markers and uploads that never ended.

A conversation's own recordings are under `tavus/<id>/`, with the slash, because ids may begin alike. A
callback may claim any other key as well, and may be forged. Such an object is removed only if it lies in
nobody's folder and no other conversation claims it. Everything that is left is listed.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any
from urllib.parse import quote

from tavus_callbacks.aws.stores.recordings import RecordingRows
from tavus_callbacks.domain.callbacks.recording_owner import other_form, owner_of
from tavus_callbacks.domain.recordings.claim import recording_id
from tavus_callbacks.domain.recordings.recording import Recording
from tavus_callbacks_cli.erasure.pieces import Leftover, Piece
from tavus_callbacks_cli.operations.reindex import subjects
from tavus_callbacks_cli.operations.selection import CONVERSATION, Selection
from tavus_callbacks_cli.targets.aws_stack import Deployment

_FOLDER = "tavus/"
_STORE = "recordings bucket"

# Paths with `*` that CloudFront takes at once (Developer Guide, "Concurrent invalidation request maximum").
_WILDCARDS = 15


def recordings_folder(conversation_id: str) -> str | None:
    """Return where Tavus writes a conversation's recordings; None for an id that cannot be a folder."""
    return None if "/" in conversation_id else f"{_FOLDER}{conversation_id}/"


def recording_pieces(deployment: Deployment, selection: Selection) -> Iterator[Piece | Leftover]:
    """Yield the versions and uploads to remove, and what is left in buckets that are not the stack's."""
    for conversation in selection.conversations:
        for recording in _recordings(deployment, conversation):
            if recording.seen_elsewhere is not None:
                reason = f"it was seen in another bucket ({recording.seen_elsewhere}): erase it there"
                yield Leftover(_STORE, recording.key or recording.recording_id, reason)
    if not deployment.has_recordings:
        return
    for prefix in filter(None, map(recordings_folder, selection.conversations)):
        yield from _versions(deployment, prefix)
        yield from _uploads(deployment, prefix)
    for recording in claimed_recordings(deployment, selection):
        if obstacle := _obstacle(deployment, selection, recording):
            yield Leftover(_STORE, str(recording.key), obstacle)
        else:
            keys = _keys(recording)
            yield from _versions(deployment, min(keys, key=len), only=keys)


def invalidation_paths(deployment: Deployment, selection: Selection) -> list[str]:
    """Return the paths that CloudFront must drop; with `*`, as its cache has a key with several queries."""
    prefixes = list(filter(None, map(recordings_folder, selection.conversations)))
    # The shorter name with the `*` covers both.
    outside = {
        min(_keys(recording), key=len)
        for recording in claimed_recordings(deployment, selection)
        if _obstacle(deployment, selection, recording) is None
    }
    paths = [f"/{quote(each, safe='/-._~')}*" for each in (*prefixes, *sorted(outside))]
    # The objects of others in the cache are only fetched again.
    return paths if len(paths) <= _WILDCARDS else ["/*"]


def invalidate(deployment: Deployment, selection: Selection, reference: str) -> str | None:
    """Let CloudFront drop recordings and return the invalidation's id; None if nothing is cached."""
    distribution = deployment.outputs.get("DistributionId")
    paths = invalidation_paths(deployment, selection) if distribution and not deployment.is_local else []
    if not paths:
        return None
    batch = {"Paths": {"Quantity": len(paths), "Items": paths}, "CallerReference": reference}
    answer = deployment.client("cloudfront").create_invalidation(
        DistributionId=distribution, InvalidationBatch=batch
    )
    return str(answer["Invalidation"]["Id"])


def _versions(deployment: Deployment, prefix: str, only: frozenset[str] | None = None) -> Iterator[Piece]:
    s3, bucket = deployment.client("s3"), deployment.outputs["RecordingsBucketName"]
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
        for version in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
            key, version_id = version["Key"], version["VersionId"]
            if only is None or key in only:
                delete: Any = partial(s3.delete_object, Bucket=bucket, Key=key, VersionId=version_id)
                yield Piece(_STORE, f"{key} version {version_id}", delete)


def _uploads(deployment: Deployment, prefix: str) -> Iterator[Piece]:
    s3, bucket = deployment.client("s3"), deployment.outputs["RecordingsBucketName"]
    for page in s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Prefix=prefix):
        for upload in page.get("Uploads", ()):
            key, upload_id = upload["Key"], upload["UploadId"]
            abort: Any = partial(s3.abort_multipart_upload, Bucket=bucket, Key=key, UploadId=upload_id)
            yield Piece(_STORE, f"{key} upload", abort)


def _recordings(deployment: Deployment, conversation: str) -> list[Recording]:
    """Return a conversation's recordings, including those that only another bucket has held."""
    bucket = deployment.outputs.get("RecordingsBucketName")
    store = deployment.store
    return RecordingRows(store.client, store.table, bucket=bucket).list_all(conversation)


def claimed_recordings(deployment: Deployment, selection: Selection) -> Iterator[Recording]:
    """Yield recordings whose callback names a key outside the conversation's own folder."""
    for conversation in selection.conversations:
        own = recordings_folder(conversation)
        for recording in _recordings(deployment, conversation):
            is_own = own is not None and str(recording.key).startswith(own) and _is_here(recording)
            if recording.key is not None and not is_own:
                yield recording


def _is_here(recording: Recording) -> bool:
    return recording.has_object or recording.may_come


def _keys(recording: Recording) -> frozenset[str]:
    """Return the names that an object may have: with `.mp4` and without."""
    return frozenset((str(recording.key), other_form(str(recording.key))))


def _obstacle(deployment: Deployment, selection: Selection, recording: Recording) -> str | None:
    """Return why an object that a callback claims is left, or None if it is to be removed."""
    claim, key = recording.claim, str(recording.key)
    if claim is not None and recording.is_own and not _is_here(recording):
        if claim.status == "failed":
            return f"its copy to {claim.provider} failed: if it was delivered later, erase it there"
        return f"it lies elsewhere ({claim.provider}, bucket {claim.bucket}): erase it there"
    # Checked whatever the status says, because this guards a deletion.
    owner = owner_of(key)
    if owner is not None:
        # The owner's own erasure removes the object, so it is not a leftover if the owner is erased too.
        return None if owner in selection.conversations else f"it lies in the folder of conversation {owner}"
    # Reads all subjects. This is rare, because Tavus writes only into folders.
    recordings = RecordingRows(deployment.store.client, deployment.store.table)
    claimants = {
        subject
        for kind, subject in subjects(deployment.store)
        if kind == CONVERSATION and recordings.exists(subject, recording_id(subject, key))
    }
    others = sorted(claimants - set(selection.conversations))
    return f"conversation {others[0]} claims it too" if others else None
