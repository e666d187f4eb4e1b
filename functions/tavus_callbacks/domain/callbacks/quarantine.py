"""What came with a valid token and could not be filed: kept whole, so that an upgrade can file it."""

from datetime import datetime
from typing import NamedTuple

from tavus_callbacks.domain.callbacks.redaction import redact_bytes
from tavus_callbacks.domain.common import tags
from tavus_callbacks.domain.common.compression import Packed, is_gzip, pack
from tavus_callbacks.domain.common.digests import digest
from tavus_callbacks.domain.common.errors import NotAnObject, Unfileable

# Values of Content-Encoding that a body of plain JSON, or one that can be redriven, may come with.
_READABLE = ("", "identity", "gzip", "x-gzip")


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
    content_encoding: str = ""


def reason(raw: bytes, error: NotAnObject | Unfileable, content_encoding: str) -> NotAnObject | Unfileable:
    """Return the error that tells people why a body is in quarantine: that it is compressed, or `error`."""
    if is_gzip(raw):
        return NotAnObject(
            "The body is compressed with gzip. It is kept, and `tavus-callbacks quarantine redrive` reads it."
        )
    if isinstance(error, Unfileable) or content_encoding.lower() in _READABLE:
        return error
    return NotAnObject(
        f"{error} It came with Content-Encoding: {content_encoding}. `tavus-callbacks quarantine redrive` "
        "reads compressed bodies only if they are gzip."
    )


def quarantined(  # noqa: PLR0913  # what came with the body
    raw: bytes,
    error: NotAnObject | Unfileable,
    *,
    query: str,
    label: str,
    received_at: datetime,
    content_encoding: str = "",
) -> Quarantined:
    """Make the entry for a body that `error` keeps from being filed."""
    tagged = tags.parse(query).values
    redacted = redact_bytes(raw, tagged)
    return Quarantined(
        quarantine_id=digest(redacted),
        packed=pack(redacted),
        status=error.status,
        title=error.title,
        detail=str(error),
        label=label,
        tags=tagged,
        received_at=received_at,
        content_encoding=content_encoding,
    )
