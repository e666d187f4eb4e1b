"""What came with a valid token and could not be filed: kept whole, so that an upgrade can file it."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from tavus_callbacks.domain import tags
from tavus_callbacks.domain.errors import NotAnObject, Unfileable
from tavus_callbacks.domain.redaction import redact_bytes


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A body in quarantine; `raw` is redacted, and the id its digest, so that equal garbage is one entry."""

    quarantine_id: str
    raw: bytes
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
        raw=redacted,
        status=error.status,
        title=error.title,
        detail=str(error),
        label=label,
        tags=tagged,
        received_at=received_at,
    )
