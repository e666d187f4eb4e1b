"""The families of callbacks. They share no envelope, so each is recognised by its shape.

The first family of FAMILIES that matches decides. A callback with a `conversation_id` belongs to the
conversation, whatever its event type. Families without published bodies share one rule.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from tavus_callbacks.domain.common import timestamps
from tavus_callbacks.domain.common.errors import FieldError, Unfileable
from tavus_callbacks.domain.common.json_text import Document

MAX_NAME = 200

OBJECTIVE_PREFIX = "conversation.objective."
_GUARDRAIL_NAMES = ("guardrail_uuid", "guardrail_id", "guardrail_name", "guardrail")

Body = Mapping[str, Any]


class Classified(NamedTuple):
    """The subject of a callback, its event type, and its time by the sender's clock."""

    family: str
    kind: str
    subject: str
    event_type: str
    occurred_at: datetime | None
    has_unusable_time: bool
    discriminator: object


class Family(NamedTuple):
    """One shape: how it is recognised, where its subject is (kind, key), and how its events differ."""

    name: str
    matches: Callable[[Body], bool]
    subjects: tuple[tuple[str, str], ...]
    event_type: Callable[[str, Body], object]
    time: Callable[[Body], object]
    discriminator: Callable[[Body], object]


def properties_of(body: Body) -> Body:
    """Return the event's own members: `properties`, or the body itself if it is flat."""
    properties = body.get("properties")
    return properties if isinstance(properties, dict) else body


def object_key(properties: Body) -> str | None:
    """Return a recording's key without `.mp4`, from `s3_key` or the path of `storage_uri`."""
    key, uri = properties.get("s3_key"), properties.get("storage_uri")
    if not isinstance(key, str) and isinstance(uri, str) and "://" in uri:
        key = uri.partition("://")[2].partition("/")[2]
    return key.removesuffix(".mp4") if isinstance(key, str) else None


def _is_objective(body: Body) -> bool:
    sent = body.get("event_type")
    if sent is None:
        return "objective_name" in properties_of(body) or "objective_name" in body
    return isinstance(sent, str) and sent.startswith(OBJECTIVE_PREFIX)


def _is_guardrail(body: Body) -> bool:
    sent = body.get("event_type")
    if sent is None:
        # Other things than conversations, such as videos, may name a guardrail too.
        is_named = any(_own(body, name) is not None for name in _GUARDRAIL_NAMES)
        return is_named and body.get("conversation_id") is not None
    return "guardrail" in str(sent)


def _has_conversation(body: Body) -> bool:
    sent = body.get("event_type")
    return body.get("conversation_id") is not None or (
        isinstance(sent, str) and sent.startswith(("system.", "application.", "conversation.", "canvas."))
    )


def _objective_type(_family: str, body: Body) -> object:
    """Return the type as sent. The documented body has none: it means that the objective is completed."""
    sent, status = body.get("event_type"), _own(body, "objective_status")
    if sent is None and status is None:
        return f"{OBJECTIVE_PREFIX}completed"
    return f"{OBJECTIVE_PREFIX}{status}" if sent is None and is_name(status) else sent


def _status_type(family: str, body: Body) -> object:
    sent, status = body.get("event_type"), body.get("status")
    if sent is not None:
        return sent
    return f"{family}.{status}" if is_name(status) else status


# How to distinguish two conversation events of one type and moment. Other types have no such value.
_CONVERSATION_DISCRIMINATORS: dict[str, Callable[[Body], object]] = {
    "application.recording_ready": object_key,
    "application.post_call_action_executed": lambda properties: properties.get("tool_id"),
    "canvas.interaction": lambda properties: properties.get("interaction_id"),
}


def conversation_discriminator(body: Body) -> object:
    """Return the value that distinguishes a conversation's event from others of its type and moment."""
    discriminator = _CONVERSATION_DISCRIMINATORS.get(str(body.get("event_type")))
    return discriminator(properties_of(body)) if discriminator else None


def _own(body: Body, name: str) -> object:
    """Return a member of `properties`, else of the body itself."""
    return properties_of(body).get(name, body.get(name))


def _of_conversation(
    name: str,
    matches: Callable[[Body], bool],
    *subjects: tuple[str, str],
    event_type: Callable[[str, Body], object] = lambda _, body: body.get("event_type"),
    discriminator: Callable[[Body], object],
) -> Family:
    about = (("conversation", "conversation_id"), *subjects)
    return Family(name, matches, about, event_type, lambda body: body.get("timestamp"), discriminator)


def _of_status(name: str, *keys: str) -> Family:
    return Family(
        name,
        matches=lambda body: "status" in body and any(body.get(key) is not None for key in keys),
        subjects=tuple((name, key) for key in keys),
        event_type=_status_type,
        time=lambda body: body.get("updated_at") if body.get("timestamp") is None else body["timestamp"],
        discriminator=lambda body: body.get("status"),
    )


FAMILIES: tuple[Family, ...] = (
    _of_conversation(
        "objective",
        _is_objective,
        ("objective", "objective_id"),
        event_type=_objective_type,
        discriminator=lambda body: [
            _own(body, name) for name in ("objective_name", "output_variables", "objective_status")
        ],
    ),
    _of_conversation(
        "guardrail",
        _is_guardrail,
        ("guardrail", "guardrail_id"),
        ("guardrail", "guardrail_uuid"),
        # The documented body has no type.
        event_type=lambda _, body: (
            "conversation.guardrail.triggered" if body.get("event_type") is None else body["event_type"]
        ),
        discriminator=lambda body: [properties_of(body).get(name) for name in _GUARDRAIL_NAMES],
    ),
    _of_conversation("conversation", _has_conversation, discriminator=conversation_discriminator),
    _of_status("video", "video_id"),
    _of_status("document", "document_id"),
    _of_status("lipsync", "lipsync_id"),
    _of_status("replacement", "replacement_id"),
    _of_status("transcription", "transcription_id"),
    _of_status("speech", "speech_id"),
    # Last: a video or a lipsync names its replica too.
    _of_status("replica", "replica_id", "face_id"),
)

KINDS = tuple(dict.fromkeys(kind for family in FAMILIES for kind, _ in family.subjects))


def is_name(value: object) -> bool:
    """Return whether a value can name a subject or an event type: 1 to 200 printable characters, trimmed."""
    return (
        isinstance(value, str)
        and 0 < len(value) <= MAX_NAME
        and value.isprintable()
        and value == value.strip()
    )


def classify(document: Document) -> Classified:
    """Return the subject and the event type of a body; raises Unfileable with the field at fault."""
    body = document.sent
    family = next((family for family in FAMILIES if family.matches(body)), None)
    if family is None:
        raise Unfileable(
            "The body has no subject. A callback has a conversation_id and an event_type, "
            "or an id such as video_id or replica_id and a status.",
            FieldError("conversation_id", "missing"),
        )
    subjects = (about for about in family.subjects if body.get(about[1]) is not None)
    kind, key = next(subjects, family.subjects[0])
    repeated = document.repeated.get(key, [])
    if any(value != repeated[0] for value in repeated):
        raise Unfileable(
            f"{key} is given twice with different values.", FieldError(key, "contradicts itself")
        )
    time = family.time(body)
    occurred_at = timestamps.parse(time)
    return Classified(
        family=family.name,
        kind=kind,
        subject=_require_name(body, key, body.get(key)),
        event_type=_require_name(body, _type_field(family, body), family.event_type(family.name, body)),
        occurred_at=occurred_at,
        has_unusable_time=time is not None and occurred_at is None,
        discriminator=family.discriminator(body),
    )


def _type_field(family: Family, body: Body) -> str:
    is_status = family.event_type is _status_type and body.get("event_type") is None
    return "status" if is_status else "event_type"


def _require_name(body: Body, field: str, value: object) -> str:
    """Return the value of a field if it is a name; raises Unfileable with what is wrong with it."""
    if is_name(value):
        return str(value)
    fault = "is missing" if value is None and field not in body else _name_fault(value)
    raise Unfileable(f"{field} {fault}.", FieldError(field, fault.removeprefix("is ")))


def _name_fault(value: object) -> str:
    if value is None:
        return "is null"
    if not isinstance(value, str):
        return "is not a string"
    if not value.strip():
        return "is empty"
    if len(value) > MAX_NAME:
        return f"is longer than {MAX_NAME} characters"
    return "has white space at one end" if value != value.strip() else "has unprintable characters"
