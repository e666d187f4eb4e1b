"""Recordings in the events table, beside the conversation's events, and the look into the bucket.

    pk = conversation#<id>    sk = r1#<recording_id>
                              sk = r0                   an object came, for lists, which read no recordings
    pk = claim#<digest>       sk = <conversation id>    who claims a key outside of all folders

A key outside of all folders belongs to a conversation only if no other one claims it (decision 0068). One
query of the key's claim rows tells, and only such keys are asked about.

A row has two parts, each written by a rule that does not depend on order: the claim (the one that says
most) and the object (of the latest look). A look is one HEAD under the claimed name. Where nothing is
found, a second one adds `.mp4` or takes it away.

`seen_in` names the bucket in which the object was last found. After `Recordings` was off and on again, and
in a new stack, the bucket is another one and does not hold the object: CloudFormation gives a bucket
without a `BucketName` a unique name (CloudFormation User Guide, "Name type"). Rows and notes of earlier
versions name no bucket and count for the stack's, rows until the next look.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from tavus_callbacks.aws.errors import error_code, store_down
from tavus_callbacks.aws.items import is_expired, read_item, write_item, write_value
from tavus_callbacks.aws.stores import keys
from tavus_callbacks.domain.callbacks.recording_place import belongs_to_other, is_unowned, other_form
from tavus_callbacks.domain.common.timestamps import iso, now, parse
from tavus_callbacks.domain.recordings.recording import (
    Claim,
    Recording,
    claim_digest,
    claim_rank,
    mark_contested,
    recording_id,
    reject_other_owner,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

CLAIM = "claim"

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Object:
    """What a HEAD says of an object; `size` in bytes."""

    key: str
    size: int
    content_type: str | None
    version: str | None
    storage_class: str | None
    modified_at: datetime


@dataclass(frozen=True, slots=True)
class RecordingsBucket:
    """The stack's bucket, the only one that is ever asked."""

    client: "S3Client"
    name: str

    def remove(self, key: str, version: str) -> None:
        """Remove one version of an object for good, whether it is there or not."""
        with store_down():
            self.client.delete_object(Bucket=self.name, Key=key, VersionId=version)

    def find(self, key: str) -> Object | None:
        """Look for an object under its name, then under its other form."""
        return self._head(key) or self._head(other_form(key))

    def _head(self, key: str) -> Object | None:
        with store_down():
            try:
                found = self.client.head_object(Bucket=self.name, Key=key)
            except ClientError as error:
                if error_code(error) in ("404", "NoSuchKey"):
                    return None
                raise
        return Object(
            key=key,
            size=found["ContentLength"],
            content_type=found.get("ContentType"),
            version=found.get("VersionId"),
            storage_class=None if _is_restored(found.get("Restore", "")) else found.get("StorageClass"),
            modified_at=found["LastModified"],
        )


def _is_restored(restore: str) -> bool:
    """Tell whether an archived object has a readable copy, by the header `x-amz-restore`."""
    return 'ongoing-request="false"' in restore


@dataclass(frozen=True, slots=True)
class RecordingRows:
    """The rows of recordings.

    `retention` counts from the last note, None is for ever. `bucket` is the stack's bucket of recordings,
    None where it has none: objects that were seen in another one count as not seen.
    """

    client: "DynamoDBClient"
    table: str
    retention: timedelta | None = None
    bucket: str | None = None

    def claim(self, conversation_id: str, claim: Claim, *, ref: str, claimed_at: datetime) -> Row | None:
        """Note a claim, the smallest by rank, and its receipt, the earliest of all: each by its own rule."""
        values = {"claim": _claim_map(claim), "claim_rank": claim_rank(ref, claim)}
        rule = "attribute_not_exists({0}) OR {0} > :{0}"
        self._update(conversation_id, claim.recording_id, values, condition=rule.format("claim_rank"))
        receipt = {"claimed_at": iso(claimed_at)}
        return self._update(conversation_id, claim.recording_id, receipt, condition=rule.format("claimed_at"))

    def note(
        self, conversation_id: str, name: str, found: Object | None, *, looked_at: datetime
    ) -> Row | None:
        """Note what a look showed, unless a later look is noted; absence is noted of known ones only."""
        values: dict[str, Any] = {"looked_at": iso(looked_at), "object": found and _object_map(found)}
        values |= {"was_there": True, "seen_in": self.bucket} if found else {}
        values |= {"had_bytes": True} if found and found.size else {}
        later = "(attribute_not_exists(looked_at) OR looked_at < :looked_at)"
        condition = later if found else f"attribute_exists(pk) AND {later}"
        return self._update(conversation_id, name, values, condition=condition)

    def note_told(self, conversation_id: str, name: str, types: frozenset[str]) -> None:
        """Note which pushes were sent about a recording, unless its row is gone."""
        self._update(conversation_id, name, {"told": sorted(types)}, condition="attribute_exists(pk)")

    def note_came(self, conversation_id: str) -> None:
        """Note that an object came into the bucket: if its callback is lost, no summary knows of it."""
        came = {"type": "object_came", "bucket": self.bucket}
        sets = {**came, **_subject(conversation_id), **self._expiry()}
        with store_down():
            self.client.update_item(TableName=self.table, Key=_key_of_came(conversation_id), **_setting(sets))

    def remove(self, conversation_id: str, name: str, key: str | None) -> None:
        """Remove a recording's row, its claim row and the note of an object, if they are there."""
        removed = [_key(conversation_id, name), _key_of_came(conversation_id)]
        # The claim row goes first, because an erasure finds it by the recording's row.
        for each in (*([claim_key(conversation_id, key)] if is_unowned(key) else []), *removed):
            with store_down():
                self.client.delete_item(TableName=self.table, Key=each)

    def all(self, conversation_id: str) -> list[Recording]:
        """Return a conversation's recordings in the order of their ids."""
        return self.recordings_in(self.rows(conversation_id))

    def recordings_in(self, items: Iterable[Row]) -> list[Recording]:
        """Return the recordings among rows that are known."""
        found = (self.read(item) for item in items if item["type"] == "recording")
        return [recording for recording in found if recording.is_known]

    def read(self, item: Row) -> Recording:
        """Read a row; asks once who else claims a key outside of all folders."""
        recording = recording_of(item, self.bucket)
        if recording.needs_claimants and self._is_contested(item["subject"], str(recording.key)):
            return mark_contested(recording)
        return recording

    def _is_contested(self, conversation_id: str, key: str) -> bool:
        with store_down():
            answer = self.client.query(
                TableName=self.table,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues=write_item({":pk": f"{CLAIM}#{claim_digest(key)}"}),
                ConsistentRead=True,
            )
        claims = [item for item in map(read_item, answer["Items"]) if not is_expired(item)]
        # A megabyte of claims is one query: whoever reads it does not follow a forger through more.
        return "LastEvaluatedKey" in answer or any(item["subject"] != conversation_id for item in claims)

    def register(self, item: Row) -> Row:
        """Write the claim row of a recording's row, if its key needs one, and return the recording's row.

        Both expire together.
        """
        conversation_id, recording = item["subject"], recording_of(item, self.bucket)
        if not recording.needs_claimants:
            return item
        expiry = {"expires_at": item["expires_at"]} if "expires_at" in item else {}
        sets = {"type": CLAIM, **_subject(conversation_id), **expiry}
        with store_down():
            self.client.update_item(
                TableName=self.table, Key=claim_key(conversation_id, str(recording.key)), **_setting(sets)
            )
        return item

    def rows(self, conversation_id: str) -> list[Row]:
        """Return the rows of a conversation's recordings in the order of their ids."""
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :recordings)",
            ExpressionAttributeValues=write_item(
                {":pk": keys.partition("conversation", conversation_id), ":recordings": keys.RECORDING_PREFIX}
            ),
            ConsistentRead=True,
        )
        with store_down():
            items = [read_item(row) for page in pages for row in page["Items"]]
        return [item for item in items if not is_expired(item)]

    def _expiry(self) -> dict[str, int]:
        return {} if self.retention is None else {"expires_at": int((now() + self.retention).timestamp())}

    def _update(
        self, conversation_id: str, name: str, values: dict[str, Any], *, condition: str
    ) -> Row | None:
        """Set a part of a row where the condition lets it, and its fixed members with it.

        Returns the new row, or None if no row was written. Its claim row is written second: a crash in
        between repeats both.
        """
        fixed = {"type": "recording", **_subject(conversation_id), "recording_id": name}
        with store_down():
            try:
                answer = self.client.update_item(
                    TableName=self.table,
                    Key=_key(conversation_id, name),
                    ConditionExpression=condition,
                    **_setting({**fixed, **values, **self._expiry()}),
                    ReturnValues="ALL_NEW",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
            except ClientError as error:
                if error_code(error) != "ConditionalCheckFailedException":
                    raise
                there: Row = error.response.get("Item", {})  # type: ignore[assignment]  # by ALL_OLD
                return self.register(read_item(there)) if there else None
        return self.register(read_item(dict(answer["Attributes"])))


def _subject(conversation_id: str) -> dict[str, str]:
    return {"kind": "conversation", "subject": conversation_id}


def _setting(sets: dict[str, Any]) -> Any:
    """Return the arguments of an update that sets attributes, whatever their names."""
    return {
        "UpdateExpression": "SET " + ", ".join(f"#{name} = :{name}" for name in sets),
        "ExpressionAttributeNames": {f"#{name}": name for name in sets},
        "ExpressionAttributeValues": {f":{name}": write_value(value) for name, value in sets.items()},
    }


def _key_of_came(conversation_id: str) -> dict[str, Any]:
    return write_item(keys.object_came(conversation_id))


def _key(conversation_id: str, name: str) -> dict[str, Any]:
    return write_item(keys.recording(conversation_id, name))


def claim_key(conversation_id: str, key: str) -> dict[str, Any]:
    """Return the key of a conversation's claim row, the same for both forms of an object's key."""
    return write_item(keys.claim(claim_digest(key), conversation_id))


def claim_key_of(item: Row) -> dict[str, Any] | None:
    """Return the key of a recording row's claim row, or None where its key lies in a folder."""
    key = item.get("claim", {}).get("key")
    return claim_key(item["subject"], key) if is_unowned(key) else None


def is_noted(client: "DynamoDBClient", table: str, conversation_id: str, name: str) -> bool:
    """Tell whether a conversation has a row of a recording; raises StoreDown."""
    with store_down():
        return "Item" in client.get_item(
            TableName=table, Key=_key(conversation_id, name), ConsistentRead=True
        )


def _claim_map(claim: Claim) -> dict[str, Any]:
    duration = None if claim.duration is None else Decimal(str(claim.duration))
    members = {
        "provider": claim.provider,
        "bucket": claim.bucket,
        "key": claim.key,
        "duration": duration,
        "status": claim.status,
        "message": claim.message,
        "issues": list(claim.issues),
        "error_code": claim.error_code,
    }
    return {name: value for name, value in members.items() if value is not None}


def _object_map(found: Object) -> dict[str, Any]:
    members = {
        "key": found.key,
        "size": found.size,
        "content_type": found.content_type,
        "version": found.version,
        "storage_class": found.storage_class,
        "modified_at": iso(found.modified_at),
    }
    return {name: value for name, value in members.items() if value is not None}


def sent_push_types(item: Row) -> frozenset[str]:
    """Return the types of pushes that were sent about a recording; rows of earlier versions hold one."""
    told = item.get("told", ())
    return frozenset((told,) if isinstance(told, str) else told)


def recording_of(item: Row, bucket: str | None) -> Recording:
    """Read a row; an object counts as seen only if it was seen in `bucket`, the stack's.

    Rows of earlier versions can hold an object from another conversation's folder. It counts as not seen.
    """
    seen_in = item.get("seen_in", bucket)
    claim = _claim_of(item)
    is_own = not belongs_to_other(claim.key if claim else None, item["subject"])
    is_ours = bucket is not None and seen_in == bucket and is_own
    noted = (item.get("object") or {}) if is_own else {}
    found = noted if is_ours else {}
    return Recording(
        recording_id=item["recording_id"],
        claim=claim,
        claimed_at=parse(item.get("claimed_at")),
        key=found.get("key") or (claim.key if claim else noted.get("key")),
        size=int(found["size"]) if found else None,
        content_type=found.get("content_type"),
        version=found.get("version"),
        storage_class=found.get("storage_class"),
        modified_at=parse(found.get("modified_at")),
        looked_at=parse(item.get("looked_at")),
        was_there=is_ours and bool(item.get("was_there")),
        had_bytes=is_ours and bool(item.get("had_bytes")),
        seen_elsewhere=seen_in if is_own and not is_ours else None,
        names_bucket="seen_in" in item,
    )


def _claim_of(item: dict[str, Any]) -> Claim | None:
    if "claim" not in item:
        return None
    members = dict(item["claim"])
    duration = members.pop("duration", None)
    issues = tuple(members.pop("issues", ()))
    seconds = None if duration is None else float(duration)
    claim = Claim(item["recording_id"], duration=seconds, issues=issues, **members)
    return reject_other_owner(claim, item["subject"])


def look(bucket: RecordingsBucket, noted: RecordingRows, conversation_id: str, key: str) -> Row | None:
    """Look for an object, note what was seen at that moment, and return the recording's row."""
    looked_at = datetime.now(UTC)
    name = recording_id(conversation_id, key)
    return noted.note(conversation_id, name, bucket.find(key), looked_at=looked_at)
