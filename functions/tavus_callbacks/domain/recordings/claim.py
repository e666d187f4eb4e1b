"""A claim: what a callback says about a recording.

A callback can name any bucket and key, so a claim is not trusted: the stack serves only objects in its own
bucket, and only to the conversation that owns their key.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from typing import Any, Literal

from tavus_callbacks.domain.callbacks import event_types
from tavus_callbacks.domain.callbacks.families import properties_of
from tavus_callbacks.domain.callbacks.recording_owner import (
    LAYOUT,
    SUFFIX,
    belongs_to_other,
    is_usable,
    possible_places,
    read_place,
)
from tavus_callbacks.domain.common import lenient_json
from tavus_callbacks.domain.common.digests import digest
from tavus_callbacks.domain.common.issues import OTHER_CONVERSATION

RecordingStatus = Literal[
    "pending", "available", "missing", "failed", "other_bucket", "other_provider", "other_conversation"
]

UNUSABLE_KEY = "The callback names no usable object key."
LATEST = "latest"  # the API calls the newest recording so; no recording has this id
LONGEST_MESSAGE, LONGEST_CODE = 1000, 200  # characters; the event stores the whole text

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Claim:
    """The claim of a recording. `status` is set if the stack cannot serve it; `duration` is in seconds."""

    recording_id: str
    provider: str
    bucket: str | None = None
    key: str | None = None
    duration: float | None = None
    status: RecordingStatus | None = None
    message: str | None = None
    issues: tuple[str, ...] = ()
    error_code: str | None = None

    @property
    def may_come(self) -> bool:
        """Return whether the object can still arrive in the stack's bucket, even after a failed copy."""
        is_ours = self.status is None or (self.status == "failed" and self.provider == "s3")
        return is_ours and self.key is not None

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "Claim | None":
        """Read the claim in a recording's row; None if no callback came."""
        if "claim" not in row:
            return None
        members = dict(row["claim"])
        duration = members.pop("duration", None)
        issues = tuple(members.pop("issues", ()))
        seconds = None if duration is None else float(duration)
        claim = cls(row["recording_id"], duration=seconds, issues=issues, **members)
        return reject_other_owner(claim, row["subject"])

    def to_map(self) -> dict[str, Any]:
        """Return the attributes that a row stores."""
        members = asdict(self) | {
            "recording_id": None,
            "duration": None if self.duration is None else Decimal(str(self.duration)),
            "issues": list(self.issues),
        }
        return {name: value for name, value in members.items() if value is not None}


def claim_rank(ref: str, claim: Claim) -> str:
    """Return the rank of a claim among those of one recording; the smallest wins.

    Claims that can be served come first, then recordings stored elsewhere, then failures. Among equals a
    duration wins, then the claim that says most. `ref` is the event's, shared by its variants, because
    arrival must not decide between them.
    """
    order = 0 if claim.status is None else 2 if claim.status == "failed" else 1
    unknown = (claim.bucket, claim.key, claim.error_code).count(None)
    return f"{order}{claim.duration is None:d}{unknown}|{ref}|{digest(repr(claim), 16)}"


def recording_id(conversation_id: str, key: str) -> str:
    """Return the id of a recording, from its key without `.mp4`: the layout's own name, or a digest."""
    bare = key.removesuffix(SUFFIX)
    layout = LAYOUT.fullmatch(bare)
    name = layout["name"] if layout and layout["conversation"] == conversation_id else ""
    if _NAME.fullmatch(name) and name != LATEST:
        return name
    return "x" + digest(bare, 24)


def key_digest(key: str) -> str:
    """Return the digest that both forms of a key share, with `.mp4` and without."""
    return digest(key.removesuffix(SUFFIX))


def id_without_key(ref: str) -> str:
    """Return the id of a recording whose callback names no key; `ref` is the event's.

    Earlier versions gave it to every failed copy.
    """
    return f"failed-{ref[-24:]}"


def possible_ids(event_type: str, conversation_id: str, body: Body, ref: str) -> frozenset[str]:
    """Return every id that the recording of a callback may be stored under; `ref` is the event's.

    Where the callback names two keys, the stack's bucket decides between them.
    """
    keys = [place.key for place in possible_places(properties_of(body))]
    ids = {recording_id(conversation_id, key) for key in keys if is_usable(key)}
    if event_type == event_types.COPY_FAILED or not all(map(is_usable, keys)):
        ids.add(id_without_key(ref))
    return frozenset(ids)


def reject_other_owner(claim: Claim, conversation_id: str) -> Claim:
    """Mark a claim of an object in this stack's bucket, in another conversation's folder."""
    if not claim.may_come or not belongs_to_other(claim.key, conversation_id):
        return claim
    issues = (*claim.issues, OTHER_CONVERSATION)
    return replace(claim, status=OTHER_CONVERSATION, issues=issues)


def read_claim(event_type: str, conversation_id: str, body: Body, *, bucket: str, ref: str) -> Claim:
    """Read the claim of a recording's callback; `bucket` is the stack's, `ref` the event's reference."""
    properties = properties_of(body)
    place, issues = read_place(properties, bucket)
    key = place.key if is_usable(place.key) else None
    seconds = lenient_json.seconds(properties.get("duration"))
    claim = Claim(
        recording_id=recording_id(conversation_id, key) if key else id_without_key(ref),
        provider=place.provider,
        bucket=place.bucket,
        key=key,
        duration=None if seconds is None else round(seconds, 3),
        issues=issues,
    )
    if event_type == event_types.COPY_FAILED:
        sent = properties.get("error_message")
        message = sent if isinstance(sent, str) and sent else "Tavus could not copy the recording."
        code = (lenient_json.text(properties.get("error_code")) or "")[:LONGEST_CODE] or None
        failed = replace(claim, status="failed", message=message[:LONGEST_MESSAGE], error_code=code)
        return reject_other_owner(failed, conversation_id)
    if key is None:
        return replace(claim, status="failed", message=UNUSABLE_KEY)
    if place.provider != "s3":
        return replace(claim, status="other_provider")
    if place.bucket not in (None, bucket):
        return replace(claim, status="other_bucket")
    return reject_other_owner(claim, conversation_id)
