"""Turn a callback into an event, or into an entry for quarantine with the reason."""

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from tavus_callbacks.domain.callbacks.event import Event, understand
from tavus_callbacks.domain.common.errors import NotAnObject, Unfileable, describe_fault

if TYPE_CHECKING:
    from tavus_callbacks.domain.callbacks.quarantine import Quarantined

STUMBLED = "The receiver could not read this body. It is kept, and can be redriven after an upgrade."


class Callback(NamedTuple):
    """A callback with a valid token; `raw` as sent, or redacted already; `request_id` by which it came."""

    raw: bytes
    query: str
    label: str
    received_at: datetime
    request_id: str = ""
    content_encoding: str = ""


class Misfit(NamedTuple):
    """A callback that cannot be filed, and why; `fault` names a stumble of our own by its place."""

    entry: "Quarantined"
    error: NotAnObject | Unfileable
    fault: str | None


def read_callback(callback: Callback) -> Event | Misfit:
    """Understand a callback; what cannot be filed comes back as an entry for quarantine."""
    try:
        return understand(
            callback.raw, query=callback.query, label=callback.label, received_at=callback.received_at
        )
    except (NotAnObject, Unfileable) as error:
        return _misfit(callback, error, None)
    # The outermost edge of our own rules: a body they stumble over is kept, not lost.
    except Exception as fault:  # noqa: BLE001  # kept in quarantine; logged by place, never by its text
        return _misfit(callback, Unfileable(STUMBLED), describe_fault(fault))


def _misfit(callback: Callback, error: NotAnObject | Unfileable, fault: str | None) -> Misfit:
    # Rare, and so not loaded with the rest.
    from tavus_callbacks.domain.callbacks.quarantine import quarantined, reason

    error = reason(callback.raw, error, callback.content_encoding)
    entry = quarantined(
        callback.raw,
        error,
        query=callback.query,
        label=callback.label,
        received_at=callback.received_at,
        content_encoding=callback.content_encoding,
    )
    return Misfit(entry, error, fault)
