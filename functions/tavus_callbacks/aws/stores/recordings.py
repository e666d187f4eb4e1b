"""Recordings in the events table: their rows beside the conversation's events, and their claim rows.

A row has two parts, and each has a rule that does not depend on order: the claim (the one that says most) and
the object (of the latest look). A look is one HEAD under the claimed key. If that finds nothing, a second one
adds `.mp4` or removes it.

A key outside of all folders belongs to a conversation only if no other one claims it (decision 0068). One
query of the key's claim rows shows that, and only such keys need it.

`seen_in` names the bucket in which the object was last found. After `Recordings` was off and on again, and in
a new stack, the bucket is another one and does not hold the object: CloudFormation gives a bucket without a
`BucketName` a unique name (CloudFormation User Guide, "Name type"). Rows of earlier versions name no bucket
and count for the stack's: notes for ever, recordings until the next look.
"""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tavus_callbacks.aws.items import Item, is_expired
from tavus_callbacks.aws.stores import keys
from tavus_callbacks.aws.table import Table
from tavus_callbacks.domain.callbacks.recording_owner import is_unowned
from tavus_callbacks.domain.common.timestamps import iso, now
from tavus_callbacks.domain.recordings.claim import Claim, claim_rank, key_digest
from tavus_callbacks.domain.recordings.recording import Recording, mark_contested

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import timedelta

    from mypy_boto3_dynamodb import DynamoDBClient

    from tavus_callbacks.aws.stores.recordings_bucket import StoredObject

# Queries at once.
_PARALLEL = 8


@dataclass(frozen=True, slots=True)
class RecordingRows:
    """The rows of recordings; every method raises StoreDown.

    `retention` counts from the last write, None is for ever. `bucket` is the stack's bucket of recordings,
    None if it has none: objects that were seen in another one count as not seen.
    """

    client: "DynamoDBClient"
    table: str
    retention: "timedelta | None" = None
    bucket: str | None = None

    def put_claim(
        self, conversation_id: str, claim: Claim, *, ref: str, claimed_at: datetime
    ) -> Recording | None:
        """Store a claim if its rank is the smallest, and its receipt if it is the earliest of all claims."""
        rule = "attribute_not_exists({0}) OR {0} > :{0}"
        attributes = {"claim": claim.to_map(), "claim_rank": claim_rank(ref, claim)}
        self._update(conversation_id, claim.recording_id, attributes, rule.format("claim_rank"))
        receipt = {"claimed_at": iso(claimed_at)}
        return self._update(conversation_id, claim.recording_id, receipt, rule.format("claimed_at"))

    def put_look(
        self, conversation_id: str, recording_id: str, stored: "StoredObject | None", *, looked_at: datetime
    ) -> Recording | None:
        """Store the result of a look, unless a later one is stored; absence only for a row that exists."""
        attributes: Item = {"looked_at": iso(looked_at), "object": stored and stored.to_map()}
        attributes |= {"was_there": True, "seen_in": self.bucket} if stored else {}
        attributes |= {"had_bytes": True} if stored and stored.size else {}
        later = "(attribute_not_exists(looked_at) OR looked_at < :looked_at)"
        condition = later if stored else f"attribute_exists(pk) AND {later}"
        return self._update(conversation_id, recording_id, attributes, condition)

    def put_published(self, recording: Recording, types: frozenset[str]) -> None:
        """Store the types of the pushes about a recording, unless its row is gone."""
        told = {"told": sorted(types)}
        self._update(recording.conversation_id, recording.recording_id, told, "attribute_exists(pk)")

    def put_object_came(self, conversation_id: str, recording_id: str) -> None:
        """Store that an object arrived: if its callback is lost, no summary has the recording."""
        attributes = {
            "type": "object_came",
            "bucket": self.bucket,
            "recording_ids": frozenset((recording_id,)),
            **_subject(conversation_id),
        }
        self._table().update(keys.object_came(conversation_id), attributes | self._expiry())

    def remove(self, conversation_id: str, recording_id: str, key: str | None) -> None:
        """Delete a recording's row, its claim row and the note of an object, if they exist."""
        # The claim row goes first, because an erasure finds it by the recording's row.
        if is_unowned(key):
            self._table().delete(claim_key(conversation_id, key))
        self._table().delete(keys.recording(conversation_id, recording_id))
        self._table().delete(keys.object_came(conversation_id))

    def exists(self, conversation_id: str, recording_id: str) -> bool:
        """Return whether a conversation has a row of a recording."""
        return self._table().get(keys.recording(conversation_id, recording_id), consistent=True) is not None

    def list_all(self, conversation_id: str) -> list[Recording]:
        """Return every recording of a conversation, by id, without a check for rivals."""
        partition = keys.partition("conversation", conversation_id)
        rows = self._table().query(
            "pk = :pk AND begins_with(sk, :recordings)",
            {":pk": partition, ":recordings": keys.RECORDING_PREFIX},
            ConsistentRead=True,
        )
        return [Recording.from_row(row, self.bucket) for row in rows if not is_expired(row)]

    def list_known(self, conversation_id: str) -> list[Recording]:
        """Return the recordings of a conversation that were announced or seen, by id."""
        return self._known(self.list_all(conversation_id))

    def list_by_ids(self, ids: "Mapping[str, Collection[str]]") -> dict[str, list[Recording]]:
        """Return the recordings of several conversations that were announced or seen, each by id.

        `ids` are the ids that the recordings of each conversation may have. One request reads a hundred of
        them. Only keys outside of all folders take a query each.
        """
        row_keys = (keys.recording(name, each) for name, several in ids.items() for each in several)
        rows = self._table().batch_get(row_keys, ConsistentRead=True)
        stored = [Recording.from_row(row, self.bucket) for row in rows if not is_expired(row)]
        recordings = [recording for recording in stored if recording.is_known]
        if any(recording.unowned_key for recording in recordings):
            with ThreadPoolExecutor(_PARALLEL) as pool:
                recordings = list(pool.map(self.check_rivals, recordings))
        by_conversation: dict[str, list[Recording]] = {name: [] for name in ids}
        for recording in sorted(recordings, key=lambda each: each.recording_id):
            by_conversation[recording.conversation_id].append(recording)
        return by_conversation

    def recordings_in(self, rows: Iterable[Item]) -> list[Recording]:
        """Return the recordings among a conversation's rows that were announced or seen."""
        return self._known(Recording.from_row(row, self.bucket) for row in rows if row["type"] == "recording")

    def _known(self, recordings: Iterable[Recording]) -> list[Recording]:
        return [self.check_rivals(recording) for recording in recordings if recording.is_known]

    def check_rivals(self, recording: Recording) -> Recording:
        """Return a recording, marked as contested if another conversation claims its unowned key."""
        if recording.unowned_key is None:
            return recording
        rows, has_more = self._table().query_page(
            "pk = :pk",
            {":pk": claim_key(recording.conversation_id, recording.unowned_key)["pk"]},
            ConsistentRead=True,
        )
        rivals = (row for row in rows if row["subject"] != recording.conversation_id and not is_expired(row))
        # A megabyte of claims is one query: its reader does not follow a forger through more.
        return mark_contested(recording) if has_more or any(rivals) else recording

    def put_claim_row(self, recording: Recording) -> None:
        """Write the claim row of a recording if its key needs one. Both rows expire together."""
        if recording.unowned_key is None:
            return
        expiry = {} if recording.expires_at is None else {"expires_at": recording.expires_at}
        attributes = {"type": "claim", **_subject(recording.conversation_id), **expiry}
        self._table().update(claim_key(recording.conversation_id, recording.unowned_key), attributes)

    def remove_claim_row(self, recording: Recording) -> None:
        """Delete the claim row of a recording, if its key needs one."""
        if recording.unowned_key is not None:
            self._table().delete(claim_key(recording.conversation_id, recording.unowned_key))

    def _table(self) -> Table:
        return Table(self.client, self.table)

    def _expiry(self) -> dict[str, int]:
        return {} if self.retention is None else {"expires_at": int((now() + self.retention).timestamp())}

    def _update(
        self, conversation_id: str, recording_id: str, attributes: Item, condition: str
    ) -> Recording | None:
        """Set a part of a row and its fixed attributes if a condition holds.

        Returns the recording as it is now, or None. Its claim row is written second: after a crash in between
        both writes are repeated.
        """
        fixed = {"type": "recording", **_subject(conversation_id), "recording_id": recording_id}
        row = self._table().update_and_get(
            keys.recording(conversation_id, recording_id),
            {**fixed, **attributes, **self._expiry()},
            condition,
        )
        if row is None:
            return None
        recording = Recording.from_row(row, self.bucket)
        self.put_claim_row(recording)
        return recording


def _subject(conversation_id: str) -> dict[str, str]:
    return {"kind": "conversation", "subject": conversation_id}


def claim_key(conversation_id: str, key: str) -> keys.Key:
    """Return the key of a conversation's claim row, the same for both forms of an object's key."""
    return keys.claim(key_digest(key), conversation_id)


def claim_key_of(row: dict[str, Any]) -> keys.Key | None:
    """Return the key of a recording row's claim row, or None if the object's key lies in a folder."""
    key = row.get("claim", {}).get("key")
    return claim_key(row["subject"], key) if is_unowned(key) else None
