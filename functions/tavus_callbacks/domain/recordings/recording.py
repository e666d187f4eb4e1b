"""A recording: the claim of a callback, the object in the bucket, and the one status that follows from both.

Claim and object are stored apart, each by a rule that does not depend on order. The status is derived when it
is read.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from tavus_callbacks.domain.callbacks.recording_owner import belongs_to_other, conversation_of, is_unowned
from tavus_callbacks.domain.common.issues import OTHER_CONVERSATION
from tavus_callbacks.domain.common.timestamps import parse
from tavus_callbacks.domain.recordings.claim import Claim, RecordingStatus

# Storage classes whose objects must be restored before they can be read.
ARCHIVED = ("GLACIER", "DEEP_ARCHIVE")


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording as stored: its claim, if one came, and the object at the last look; times in UTC.

    The object, `size` to `modified_at`, `was_there` and `had_bytes`, is the one in the stack's bucket of
    today. `seen_elsewhere` names the other bucket, if the object was last seen there: the stack had that
    bucket before, or the row was restored into this stack. `names_bucket` is false for rows of earlier
    versions, which name none: only a look shows whether the object is in the bucket of today.
    `published` are the types of the pushes about it; `expires_at` is in seconds since 1970, None for never.
    """

    conversation_id: str
    recording_id: str
    claim: Claim | None
    claimed_at: datetime | None
    key: str | None
    size: int | None
    content_type: str | None
    version: str | None
    storage_class: str | None
    modified_at: datetime | None
    looked_at: datetime | None
    was_there: bool
    had_bytes: bool = False
    seen_elsewhere: str | None = None
    names_bucket: bool = True
    published: frozenset[str] = frozenset()
    expires_at: int | None = None

    @classmethod
    def from_row(cls, row: Mapping[str, Any], bucket: str | None) -> "Recording":
        """Read a row; an object counts as seen only if it was seen in `bucket`, the stack's.

        Rows of earlier versions can hold an object from another conversation's folder. It counts as not
        seen.
        """
        claim, seen_in = Claim.from_row(row), row.get("seen_in", bucket)
        is_own = not belongs_to_other(claim.key if claim else None, row["subject"])
        is_ours = bucket is not None and seen_in == bucket and is_own
        stored = (row.get("object") or {}) if is_own else {}
        there = stored if is_ours else {}
        # Rows of earlier versions hold a single type.
        told = row.get("told", ())
        return cls(
            conversation_id=row["subject"],
            recording_id=row["recording_id"],
            claim=claim,
            claimed_at=parse(row.get("claimed_at")),
            key=there.get("key") or (claim.key if claim else stored.get("key")),
            size=int(there["size"]) if there else None,
            content_type=there.get("content_type"),
            version=there.get("version"),
            storage_class=there.get("storage_class"),
            modified_at=parse(there.get("modified_at")),
            looked_at=parse(row.get("looked_at")),
            was_there=is_ours and bool(row.get("was_there")),
            had_bytes=is_ours and bool(row.get("had_bytes")),
            seen_elsewhere=seen_in if is_own and not is_ours else None,
            names_bucket="seen_in" in row,
            published=frozenset((told,) if isinstance(told, str) else told),
            expires_at=int(row["expires_at"]) if "expires_at" in row else None,
        )

    @property
    def has_object(self) -> bool:
        """Return whether the bucket held the object at the last look, even an empty one."""
        return self.size is not None

    @property
    def is_there(self) -> bool:
        """Return whether there was something to watch at the last look."""
        return bool(self.size)

    @property
    def is_known(self) -> bool:
        """Return whether a callback announced it or the stack's bucket has held it."""
        return self.claim is not None or self.has_object or self.was_there

    @property
    def may_come(self) -> bool:
        """Return whether the object can still arrive in the stack's bucket."""
        return self.claim.may_come if self.claim else self.key is not None

    @property
    def has_events(self) -> bool:
        """Return whether S3 sends events about the object: only for those in its conversation's folder."""
        return self.key is not None and conversation_of(self.key) == self.conversation_id

    @property
    def is_own(self) -> bool:
        """Return whether no other conversation owns it."""
        return self.claim is None or self.claim.status != OTHER_CONVERSATION

    @property
    def unowned_key(self) -> str | None:
        """Return its key if that belongs to the conversation only while no other one claims it, else None."""
        claim = self.claim
        return claim.key if claim and claim.may_come and is_unowned(claim.key) else None

    @property
    def is_archived(self) -> bool:
        """Return whether the object must be restored before it can be read."""
        return self.storage_class in ARCHIVED


def mark_contested(recording: Recording) -> Recording:
    """Return a recording whose key another conversation claims too: neither of them is served."""
    if recording.claim is None:
        return recording
    issues = (*recording.claim.issues, OTHER_CONVERSATION)
    claim = replace(recording.claim, status=OTHER_CONVERSATION, issues=issues)
    return replace(
        recording,
        claim=claim,
        key=claim.key,
        size=None,
        content_type=None,
        version=None,
        storage_class=None,
        modified_at=None,
        was_there=False,
        had_bytes=False,
    )


def certain_status(recording: Recording) -> RecordingStatus | None:
    """Return the status that does not depend on the time, or None while the object may be on its way."""
    # First: an object in the stack's own bucket is there, whatever a callback says.
    if recording.is_there:
        return "available"
    claimed = recording.claim.status if recording.claim else None
    if recording.has_object:
        return claimed or "failed"
    # A copy that failed, arrived later and was then deleted is missing. An empty object does not count.
    return None if claimed == "failed" and recording.had_bytes else claimed


def recording_status(recording: Recording, *, now: datetime, missing_after: timedelta) -> RecordingStatus:
    """Derive the status from the object, the claim, and the time since the recording was announced."""
    certain = certain_status(recording)
    if certain is not None:
        return certain
    wait_began_at = recording.claimed_at or recording.looked_at
    waits = wait_began_at is not None and now - wait_began_at < missing_after
    return "pending" if waits and not recording.was_there else "missing"


def latest(recordings: Iterable[Recording]) -> Recording | None:
    """Return the newest recording that is there, else the newest, by the time of its object or claim.

    A recording that belongs to another conversation comes last.
    """

    def preference(recording: Recording) -> tuple[bool, bool, float, str]:
        moment = recording.modified_at or recording.claimed_at
        return (
            recording.is_own,
            recording.is_there and not recording.is_archived,
            moment.timestamp() if moment else 0.0,
            recording.recording_id,
        )

    return max(recordings, key=preference, default=None)
