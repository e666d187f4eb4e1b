"""From the bytes of a callback to an event: what it is about, its identity, its issues.

Identity is (kind, subject, event type, time in UTC microseconds, discriminator); a body without a usable
time has its content as identity. Key order, white space, echoed URLs, tokens and tags never count.
"""

import base64
import binascii
import re
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple, TypeGuard

from tavus_callbacks.domain.callbacks.families import Classified, classify
from tavus_callbacks.domain.callbacks.redaction import ECHOES, redact
from tavus_callbacks.domain.callbacks.validation import fit
from tavus_callbacks.domain.common import issues, tags
from tavus_callbacks.domain.common.compression import Packed, pack
from tavus_callbacks.domain.common.digests import digest_json
from tavus_callbacks.domain.common.json_text import Document, decode, parse
from tavus_callbacks.domain.common.timestamps import to_microseconds

# Part of every identity and key, so that a later rule can stand beside this one.
IDENTITY_VERSION = 1

# A body without a time that arrives again within this span is a duplicate; after it, a new event.
_REPEAT_WINDOW = timedelta(minutes=60)
# A guardrail can trigger again, and an objective change back, with the same documented body (decision 0005).
_SHORT_WINDOW = timedelta(seconds=2)

# How an event came to us: sent, or read from the sender's own record.
Source = Literal["callback", "backfill"]

_OF_RECORDINGS = ".recording_"
_PLAIN_SUBJECT = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._~-]*")
_BASE_REF = re.compile(r"(?:[0-9]{20}|untimed)-[0-9a-f]{32}")
_REF = re.compile(r"(?:[0-9]{20}|untimed)-[0-9a-f]{32}(?:-[0-9]{6}|-v[0-9a-f]{32})?")


class Event(NamedTuple):
    """A callback understood: ready to be kept. `text` is the redacted body, `content` its digest."""

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


def understand(raw: bytes, *, query: str, label: str, received_at: datetime) -> Event:
    """Turn a callback into an event.

    `raw` is the body as sent, `query` the URL's raw query string, `label` the token's.
    Raises NotAnObject or Unfileable, each with a sentence for the sender.
    """
    tagged = tags.parse(query)
    text = redact(decode(raw), tagged.values)
    document = parse(text)
    classified = classify(document)
    content = digest_json(_content(document.sent))
    return Event(
        family=classified.family,
        kind=classified.kind,
        subject=classified.subject,
        event_type=classified.event_type,
        occurred_at=classified.occurred_at,
        received_at=received_at,
        label=label,
        tags=tagged.values,
        issues=_issues(document, classified, tagged.issues),
        text=text,
        packed=pack(text.encode()),
        content=content,
        ref=_ref(classified, content),
    )


def _content(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in ECHOES}


def _issues(document: Document, classified: Classified, dropped: tuple[str, ...]) -> tuple[str, ...]:
    _, misfits = fit(classified, document)
    unusable = (issues.UNUSABLE_TIME,) if classified.has_unusable_time else ()
    foreign = (issues.OTHER_CONVERSATION,) if _names_other_folder(document, classified) else ()
    return issues.limited((*document.issues, *dropped, *unusable, *foreign, *misfits))


def _names_other_folder(document: Document, classified: Classified) -> bool:
    if classified.kind != "conversation" or _OF_RECORDINGS not in classified.event_type:
        return False
    # Loaded here, because most callbacks name no recording and a cold start should not pay for it.
    from tavus_callbacks.domain.callbacks.recording_place import names_other_folder

    return names_other_folder(classified.event_type, classified.subject, document.clean)


def _ref(classified: Classified, content: str) -> str:
    if classified.occurred_at is None:
        return f"untimed-{digest_json(_identity(classified, None, content))}"
    moment = to_microseconds(classified.occurred_at)
    return f"{moment:020}-{digest_json(_identity(classified, moment, classified.discriminator))}"


def _identity(classified: Classified, moment: int | None, discriminator: object) -> list[object]:
    who = [classified.kind, classified.subject, classified.event_type]
    return [IDENTITY_VERSION, *who, moment, discriminator]


def variant_ref(ref: str, content: str) -> str:
    """Return the reference of other content for the event `ref`."""
    return f"{ref}-v{content}"


def repeat_ref(ref: str, number: int) -> str:
    """Return the reference of a timeless body received again after the window, counting from 1."""
    return f"{ref}-{number:06}"


def repeat_number(ref: str) -> int:
    """Return which repeat of a timeless body a reference names, 0 for the first of its line."""
    number = ref.removeprefix(base_ref(ref)).removeprefix("-")
    return int(number) if number.isdecimal() else 0


def repeat_window(family: str) -> timedelta:
    """Return for how long the same body without a time counts as a duplicate."""
    return _SHORT_WINDOW if family in ("guardrail", "objective") else _REPEAT_WINDOW


def base_ref(ref: str) -> str:
    """Return the reference of the event that a variant or a repeat belongs to."""
    found = _BASE_REF.match(ref)
    return found[0] if found else ref


def is_ref(value: object) -> TypeGuard[str]:
    """Tell whether a value is the reference of an event."""
    return isinstance(value, str) and _REF.fullmatch(value) is not None


def event_id(kind: str, subject: str, ref: str) -> str:
    """Join an id that needs no escaping in a URL; unusual subjects are written in base64url behind `~`."""
    return f"{kind}.{_encoded(subject)}.{ref}"


def parse_event_id(text: str) -> tuple[str, str, str] | None:
    """Return (kind, subject, ref) of an event id, or None where it is none."""
    kind, _, rest = text.partition(".")
    encoded, _, ref = rest.rpartition(".")
    subject = _decoded(encoded)
    return (kind, subject, ref) if kind and subject and is_ref(ref) else None


def is_plain(subject: str) -> bool:
    """Tell whether a subject is a segment of a path as it is: no escapes, no dot segment."""
    return _PLAIN_SUBJECT.fullmatch(subject) is not None


def _encoded(subject: str) -> str:
    if is_plain(subject):
        return subject
    return "~" + base64.urlsafe_b64encode(subject.encode()).decode().rstrip("=")


def _decoded(encoded: str) -> str | None:
    if not encoded.startswith("~"):
        return encoded
    padded = encoded[1:] + "=" * (-len(encoded[1:]) % 4)
    try:
        return base64.urlsafe_b64decode(padded).decode()
    except (binascii.Error, ValueError):
        return None
