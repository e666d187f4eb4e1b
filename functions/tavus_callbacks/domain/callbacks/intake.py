"""The way from the bytes of a callback to an event, or to a rejection with its reason."""

from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from tavus_callbacks.domain.callbacks.event import Callback, Event
from tavus_callbacks.domain.callbacks.families import Classified, classify
from tavus_callbacks.domain.callbacks.redaction import ECHOES, redact
from tavus_callbacks.domain.callbacks.validation import limit_issues, validate
from tavus_callbacks.domain.common import issues
from tavus_callbacks.domain.common.compression import pack
from tavus_callbacks.domain.common.digests import canonical, digest_json, digest_pieces
from tavus_callbacks.domain.common.errors import NotAnObject, Unfileable, describe_fault
from tavus_callbacks.domain.common.json_text import Document, Written, decode, parse
from tavus_callbacks.domain.common.tags import parse_tags
from tavus_callbacks.domain.common.timestamps import to_microseconds

if TYPE_CHECKING:
    from tavus_callbacks.domain.callbacks.quarantine import QuarantineEntry

# Part of every identity, so that a later rule can coexist with this one.
IDENTITY_VERSION = 1

STUMBLED = (
    "The receiver failed to read this body, which is now in quarantine. After an upgrade, run "
    "`tavus-callbacks quarantine redrive`."
)


class Rejection(NamedTuple):
    """A callback that cannot become an event, and why. `fault` is where our own code failed, if it did."""

    entry: "QuarantineEntry"
    error: NotAnObject | Unfileable
    fault: str | None


def read_callback(callback: Callback) -> Event | Rejection:
    """Return the event of a callback, or the rejection that keeps its body in quarantine."""
    try:
        return parse_event(
            callback.raw, query=callback.query, label=callback.label, received_at=callback.received_at
        )
    except (NotAnObject, Unfileable) as error:
        return _reject(callback, error, None)
    # The outermost edge of our own rules: a body that breaks them is kept, not lost.
    except Exception as fault:  # noqa: BLE001  # kept in quarantine; logged by place, never by its text
        return _reject(callback, Unfileable(STUMBLED), describe_fault(fault))


def _reject(callback: Callback, error: NotAnObject | Unfileable, fault: str | None) -> Rejection:
    # Rejections are rare, so the module does not load with the rest.
    from tavus_callbacks.domain.callbacks.quarantine import explain_rejection, quarantine_entry

    error = explain_rejection(callback, error)
    return Rejection(quarantine_entry(callback, error), error, fault)


def parse_event(raw: bytes, *, query: str, label: str, received_at: datetime) -> Event:
    """Turn a callback into an event; raises NotAnObject or Unfileable, each with a sentence for the sender.

    `raw` is the body as sent, `query` the URL's raw query string, `label` the token's.
    """
    tags = parse_tags(query)
    text = redact(decode(raw), tags.values)
    document = parse(text, _write_documented)
    classified = classify(document)
    content = _digest_content(document.written)
    return Event(
        family=classified.family,
        kind=classified.kind,
        subject=classified.subject,
        event_type=classified.event_type,
        occurred_at=classified.occurred_at,
        received_at=received_at,
        label=label,
        tags=tags.values,
        issues=_collect_issues(document, classified, tags.issues),
        text=text,
        packed=pack(text.encode()),
        content=content,
        ref=_make_ref(classified, content),
    )


def _collect_issues(
    document: Document, classified: Classified, tag_issues: tuple[str, ...]
) -> tuple[str, ...]:
    _, model_issues = (None, ()) if document.is_documented else validate(classified, document)
    collected = [*document.issues, *tag_issues]
    if classified.has_unusable_time:
        collected.append(issues.UNUSABLE_TIME)
    if classified.kind == "conversation" and ".recording_" in classified.event_type:
        # Most callbacks name no recording, so a cold start does not load this rule.
        from tavus_callbacks.domain.callbacks.recording_owner import names_other_folder

        if names_other_folder(classified.event_type, classified.subject, document.clean):
            collected.append(issues.OTHER_CONVERSATION)
    return limit_issues([*collected, *model_issues]) if collected else model_issues


def _write_documented(body: dict[str, Any]) -> Written | None:
    """Return the canonical JSON of a body's documented members, if it is of a kind that can be large."""
    if body.get("event_type") != "application.transcription_ready":
        return None
    # A cold start does not load this.
    from tavus_callbacks.domain.callbacks.documented import write_transcript

    return write_transcript(body)


def _digest_content(written: Written) -> str:
    """Return the digest of the canonical JSON of a body without the members that repeat the callback URL."""
    names = sorted(written.keys() - ECHOES)
    pieces = [piece for name in names for piece in (b",", canonical(name).encode(), b":", written[name])]
    return digest_pieces([b"{", *pieces[1:], b"}"])


def _make_ref(classified: Classified, content: str) -> str:
    """Return the time and the digest of the identity, so that references sort by the sender's clock."""
    about = [IDENTITY_VERSION, classified.kind, classified.subject, classified.event_type]
    if classified.occurred_at is None:
        return f"untimed-{digest_json([*about, None, content])}"
    moment = to_microseconds(classified.occurred_at)
    return f"{moment:020}-{digest_json([*about, moment, classified.discriminator])}"
