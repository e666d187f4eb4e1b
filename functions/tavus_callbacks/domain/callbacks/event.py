"""An event: a callback that names its subject, and the references and ids by which it is stored and read.

Identity is (kind, subject, event type, time in UTC microseconds, discriminator). A body without a usable time
has its content as identity. Key order, white space, echoed URLs, tokens and tags never count.
"""

import base64
import binascii
import re
from datetime import datetime, timedelta
from typing import Literal, NamedTuple, TypeGuard

from tavus_callbacks.domain.common.compression import Packed

# A body without a time that arrives again within this span is a duplicate; after it, a new event.
_REPEAT_WINDOW = timedelta(minutes=60)
# A guardrail can trigger again, and an objective change back, with the same documented body (decision 0005).
_SHORT_WINDOW = timedelta(seconds=2)

# How an event reached the stack: sent by Tavus, or read from Tavus's own record.
Source = Literal["callback", "backfill"]

_PLAIN_SUBJECT = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._~-]*")
_BASE_REF = re.compile(r"(?:[0-9]{20}|untimed)-[0-9a-f]{32}")
_REF = re.compile(r"(?:[0-9]{20}|untimed)-[0-9a-f]{32}(?:-[0-9]{6}|-v[0-9a-f]{32})?")


class Callback(NamedTuple):
    """A callback with a valid token. `raw` is the body as sent, or already redacted; `query` is raw."""

    raw: bytes
    query: str
    label: str
    received_at: datetime
    request_id: str = ""
    content_encoding: str = ""


class Event(NamedTuple):
    """A callback that is ready to be stored. `text` is the redacted body, `content` its digest."""

    family: str
    kind: str
    subject: str
    event_type: str
    occurred_at: datetime | None
    received_at: datetime
    label: str
    tags: dict[str, str]
    issues: tuple[str, ...]
    text: str
    packed: Packed
    content: str
    ref: str
    source: Source = "callback"

    @property
    def event_id(self) -> str:
        """Return the id under which the event is answered and read."""
        return event_id(self.kind, self.subject, self.ref)


def variant_ref(ref: str, content: str) -> str:
    """Return the reference of other content for the event `ref`."""
    return f"{ref}-v{content}"


def repeat_ref(ref: str, number: int) -> str:
    """Return the reference of a body without a time, received again after the window; counts from 1."""
    return f"{ref}-{number:06}"


def repeat_number(ref: str) -> int:
    """Return the number of a repeat, 0 for the first event."""
    number = ref.removeprefix(base_ref(ref)).removeprefix("-")
    return int(number) if number.isdecimal() else 0


def repeat_window(family: str) -> timedelta:
    """Return how long the same body without a time counts as a duplicate."""
    return _SHORT_WINDOW if family in ("guardrail", "objective") else _REPEAT_WINDOW


def base_ref(ref: str) -> str:
    """Return the reference of the event that a variant or a repeat belongs to."""
    base = _BASE_REF.match(ref)
    return base[0] if base else ref


def is_ref(value: object) -> TypeGuard[str]:
    """Return whether a value is the reference of an event."""
    return isinstance(value, str) and _REF.fullmatch(value) is not None


def is_plain(subject: str) -> bool:
    """Return whether a subject needs no escapes in a URL's path and is not a dot segment."""
    return _PLAIN_SUBJECT.fullmatch(subject) is not None


def event_id(kind: str, subject: str, ref: str) -> str:
    """Return an id that needs no escapes in a URL: an unusual subject becomes `~` and its base64url."""
    if not is_plain(subject):
        subject = "~" + base64.urlsafe_b64encode(subject.encode()).decode().rstrip("=")
    return f"{kind}.{subject}.{ref}"


def parse_event_id(text: str) -> tuple[str, str, str] | None:
    """Return (kind, subject, ref) of an event id, or None if the text is not one."""
    kind, _, rest = text.partition(".")
    subject, _, ref = rest.rpartition(".")
    if subject.startswith("~"):
        try:
            subject = base64.urlsafe_b64decode(subject[1:] + "=" * (-len(subject[1:]) % 4)).decode()
        except (binascii.Error, ValueError):
            return None
    return (kind, subject, ref) if kind and subject and is_ref(ref) else None
