"""Recordings: what a callback claims, what the bucket holds, and the one status that follows from both.

A claim and an object are noted apart, each by a rule that does not depend on order; the status is derived
when it is read. A callback can name any bucket and key, so both are untrusted: only the stack's own counts.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from tavus_callbacks.domain.callbacks import event_types
from tavus_callbacks.domain.callbacks.families import properties_of
from tavus_callbacks.domain.callbacks.recording_place import (
    LAYOUT,
    SUFFIX,
    Place,
    belongs_to_other,
    conversation_of,
    is_unowned,
    is_usable,
    read_place,
)
from tavus_callbacks.domain.common import lenient_json
from tavus_callbacks.domain.common.digests import digest
from tavus_callbacks.domain.common.issues import OTHER_CONVERSATION

Status = Literal[
    "pending", "available", "missing", "failed", "other_bucket", "other_provider", "other_conversation"
]

UNUSABLE_KEY = "The callback names no usable object key."
LATEST = "latest"  # what the API calls the newest, so no recording has it for an id
LONGEST_MESSAGE, LONGEST_CODE = 1000, 200  # characters; the event itself keeps the whole

# Storage classes whose objects cannot be read without a restore.
ARCHIVED = ("GLACIER", "DEEP_ARCHIVE")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Claim:
    """What a callback says about a recording; `status` is set if the stack cannot serve it."""

    recording_id: str
    provider: str
    bucket: str | None = None
    key: str | None = None
    duration: float | None = None
    status: Status | None = None
    message: str | None = None
    issues: tuple[str, ...] = ()
    error_code: str | None = None

    @property
    def may_come(self) -> bool:
        """Tell whether the object can still arrive in the stack's bucket, even after a failed copy."""
        is_ours = self.status is None or (self.status == "failed" and self.provider == "s3")
        return is_ours and self.key is not None


def claim_rank(ref: str, claim: Claim) -> str:
    """Return the rank of a claim among those of one recording; the smallest wins.

    Claims that can be served come first, then recordings stored elsewhere, then failures. Among equals a
    duration wins, then the claim that says most. `ref` is the event's, shared by its variants, because
    arrival must not decide between them.
    """
    unknown = (claim.bucket, claim.key, claim.error_code).count(None)
    return f"{_use(claim)}{claim.duration is None:d}{unknown}|{ref}|{digest(repr(claim), 16)}"


def _use(claim: Claim) -> int:
    if claim.status is None:
        return 0
    return 2 if claim.status == "failed" else 1


def recording_id(conversation_id: str, key: str) -> str:
    """Return the id of a recording, from its key without `.mp4`: the layout's own name, or a digest."""
    bare = key.removesuffix(SUFFIX)
    layout = LAYOUT.fullmatch(bare)
    own = layout["name"] if layout and layout["conversation"] == conversation_id else ""
    if _NAME.fullmatch(own) and own != LATEST:
        return own
    return "x" + digest(bare, 24)


def id_without_key(ref: str) -> str:
    """Return the id of a recording whose callback names no key; `ref` is the event's.

    Earlier versions gave it to every failed copy.
    """
    return f"failed-{ref[-24:]}"


def reject_other_owner(claim: Claim, conversation_id: str) -> Claim:
    """Mark a claim of an object in this stack's bucket that lies in another conversation's folder."""
    if not claim.may_come or not belongs_to_other(claim.key, conversation_id):
        return claim
    issues = (*claim.issues, OTHER_CONVERSATION)
    return replace(claim, status=OTHER_CONVERSATION, issues=issues)


def claim_digest(key: str) -> str:
    """Return the digest that both forms of a key share, with `.mp4` and without."""
    return digest(key.removesuffix(SUFFIX))


def claim_of(event_type: str, conversation_id: str, body: Body, *, bucket: str, ref: str) -> Claim:
    """Read the claim of a recording callback; `bucket` is the stack's, `ref` the event's reference."""
    properties = properties_of(body)
    place, issues = read_place(properties, bucket)
    key = place.key if is_usable(place.key) else None
    name = recording_id(conversation_id, key) if key else id_without_key(ref)
    duration = _seconds(properties.get("duration"))
    claim = Claim(name, place.provider, place.bucket, key, duration, issues=issues)
    if event_type == event_types.COPY_FAILED:
        message = properties.get("error_message")
        message = message if isinstance(message, str) and message else "Tavus could not copy the recording."
        code = (lenient_json.text(properties.get("error_code")) or "")[:LONGEST_CODE] or None
        failed = replace(claim, status="failed", message=message[:LONGEST_MESSAGE], error_code=code)
        return reject_other_owner(failed, conversation_id)
    if key is None:
        return replace(claim, status="failed", message=UNUSABLE_KEY)
    return reject_other_owner(replace(claim, status=_elsewhere(place, bucket)), conversation_id)


def _elsewhere(place: Place, bucket: str) -> Status | None:
    if place.provider != "s3":
        return "other_provider"
    return "other_bucket" if place.bucket not in (None, bucket) else None


def _seconds(value: object) -> float | None:
    """Return a duration, to the millisecond, where it is one; numbers written as text are read too."""
    found = lenient_json.seconds(value)
    return None if found is None else round(found, 3)


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording as stored: its claim, if one came, and the object at the last look; times in UTC.

    The object, `size` to `modified_at`, `was_there` and `had_bytes`, is the one in the stack's bucket of
    today. `seen_elsewhere` names the other bucket, if the object was last seen there: the stack had that
    bucket before, or the row was restored into this stack. `names_bucket` is false for rows of earlier
    versions, which name none: only a look shows whether the object is in the bucket of today.
    """

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

    @property
    def has_object(self) -> bool:
        """Tell whether the bucket held the object at the last look, even an empty one."""
        return self.size is not None

    @property
    def is_there(self) -> bool:
        """Tell whether there was something to watch at the last look."""
        return bool(self.size)

    @property
    def is_known(self) -> bool:
        """Tell whether a callback announced it or the stack's bucket has held it."""
        return self.claim is not None or self.has_object or self.was_there

    @property
    def may_come(self) -> bool:
        """Tell whether the object can still arrive in the stack's bucket."""
        return self.claim.may_come if self.claim else self.key is not None

    def is_told_of(self, conversation_id: str) -> bool:
        """Tell whether S3's events about the object reach it: those of its conversation's folder do."""
        return self.key is not None and conversation_of(self.key) == conversation_id

    @property
    def is_own(self) -> bool:
        """Tell whether no other conversation owns it."""
        return self.claim is None or self.claim.status != OTHER_CONVERSATION

    @property
    def needs_claimants(self) -> bool:
        """Tell whether it is its conversation's only if no other conversation claims its key."""
        return self.claim is not None and self.claim.may_come and is_unowned(self.claim.key)

    @property
    def is_archived(self) -> bool:
        """Tell whether the object must be restored before it can be read."""
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


def certain_status(recording: Recording) -> Status | None:
    """Return the status that does not depend on the time, or None while the object may be on its way."""
    # First: an object in the stack's own bucket is there, whatever a callback says.
    if recording.is_there:
        return "available"
    claimed = recording.claim.status if recording.claim else None
    if recording.has_object:
        return claimed or "failed"
    # A copy that failed, arrived later and was then deleted is missing. An empty object does not count.
    return None if claimed == "failed" and recording.had_bytes else claimed


def status_of(recording: Recording, *, now: datetime, missing_after: timedelta) -> Status:
    """Derive the status from the object, the claim, and the time since the recording was announced."""
    certain = certain_status(recording)
    if certain is not None:
        return certain
    waiting_since = recording.claimed_at or recording.looked_at
    waits = waiting_since is not None and now - waiting_since < missing_after
    return "pending" if waits and not recording.was_there else "missing"


def latest(recordings: list[Recording]) -> Recording | None:
    """Return the newest recording that is there, else the newest, by the time of its object or claim.

    A recording that belongs to another conversation comes last.
    """
    return max(recordings, key=_preference, default=None)


def _preference(recording: Recording) -> tuple[bool, bool, float, str]:
    is_readable = recording.is_there and not recording.is_archived
    return recording.is_own, is_readable, _moment(recording), recording.recording_id


def _moment(recording: Recording) -> float:
    moment = recording.modified_at or recording.claimed_at
    return moment.timestamp() if moment else 0.0
