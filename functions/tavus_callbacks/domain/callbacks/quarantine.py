"""Quarantine: bodies with a valid token that are not events, stored so that an upgrade can read them."""

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from tavus_callbacks.domain.callbacks.redaction import redact_bytes
from tavus_callbacks.domain.common.compression import Packed, is_gzip, pack
from tavus_callbacks.domain.common.digests import digest
from tavus_callbacks.domain.common.errors import NotAnObject, Unfileable
from tavus_callbacks.domain.common.tags import parse_tags

if TYPE_CHECKING:
    from tavus_callbacks.domain.callbacks.event import Callback

# Values of Content-Encoding with which plain JSON, or a body that can be redriven, may arrive.
_READABLE = ("", "identity", "gzip", "x-gzip")


class QuarantineEntry(NamedTuple):
    """A redacted body in quarantine. The id is its digest, so that equal bodies are one entry."""

    quarantine_id: str
    packed: Packed
    status: int
    title: str
    detail: str
    label: str
    tags: dict[str, str]
    received_at: datetime
    content_encoding: str = ""


def explain_rejection(callback: "Callback", error: NotAnObject | Unfileable) -> NotAnObject | Unfileable:
    """Return the error for the sender: that the body is compressed, or `error`."""
    if is_gzip(callback.raw):
        return NotAnObject(
            "The body is compressed with gzip. It is in quarantine, and `tavus-callbacks quarantine redrive` "
            "can store it."
        )
    if isinstance(error, Unfileable) or callback.content_encoding.lower() in _READABLE:
        return error
    return NotAnObject(
        f"{error} It came with Content-Encoding: {callback.content_encoding}. `tavus-callbacks quarantine "
        "redrive` supports gzip only."
    )


def quarantine_entry(callback: "Callback", error: NotAnObject | Unfileable) -> QuarantineEntry:
    """Return the entry for a callback that `error` rejects."""
    tags = parse_tags(callback.query).values
    redacted = redact_bytes(callback.raw, tags)
    return QuarantineEntry(
        quarantine_id=digest(redacted),
        packed=pack(redacted),
        status=error.status,
        title=error.title,
        detail=str(error),
        label=callback.label,
        tags=tags,
        received_at=callback.received_at,
        content_encoding=callback.content_encoding,
    )
