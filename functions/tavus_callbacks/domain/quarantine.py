"""What came with a valid token and could not be filed: kept whole, so that an upgrade can file it."""

import hashlib
from datetime import datetime
from typing import NamedTuple

from tavus_callbacks.domain import tags
from tavus_callbacks.domain.body import Packed, pack
from tavus_callbacks.domain.errors import NotAnObject, Unfileable
from tavus_callbacks.domain.redaction import redact_bytes


class Quarantined(NamedTuple):
    """A body in quarantine, redacted; the id is its digest, so that equal garbage is one entry."""

    quarantine_id: str
    packed: Packed
    status: int
    title: str
    detail: str
    label: str
    tags: dict[str, str]
    received_at: datetime


def quarantined(
    raw: bytes, error: NotAnObject | Unfileable, *, query: str, label: str, received_at: datetime
) -> Quarantined:
    """Make the entry for a body that `error` keeps from being filed."""
    tagged = tags.parse(query).values
    redacted = redact_bytes(raw, tagged)
    return Quarantined(
        quarantine_id=hashlib.sha256(redacted).hexdigest()[:32],
        packed=pack(redacted),
        status=error.status,
        title=error.title,
        detail=str(error),
        label=label,
        tags=tagged,
        received_at=received_at,
    )
