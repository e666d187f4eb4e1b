"""Keep a callback: as an event, in quarantine, or in the spill while the table is down."""

import time
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from tavus_callbacks.aws.retries import retry_until
from tavus_callbacks.domain.callbacks.event import Callback, Event
from tavus_callbacks.domain.callbacks.intake import Rejection, read_callback
from tavus_callbacks.domain.common.errors import StoreDown
from tavus_callbacks.domain.common.timestamps import now

if TYPE_CHECKING:
    from collections.abc import Callable

    from tavus_callbacks.aws.spill import Spill
    from tavus_callbacks.aws.stores.events import EventsTable, KeepResult
    from tavus_callbacks.aws.stores.quarantine import QuarantineRows
    from tavus_callbacks.domain.common.compression import Packed


class Destinations(NamedTuple):
    """Where a callback can go. Quarantine and spill are rare, so they are made when they are needed."""

    events: "EventsTable"
    quarantine: "Callable[[], QuarantineRows]"
    spill: "Callable[[], Spill]"


class Outcome(NamedTuple):
    """The result for a callback. `result` is None for a rejection, and for a callback in the spill.

    `store_error` is the code of the table's failure if the callback is in the spill.
    """

    read: Event | Rejection
    result: "KeepResult | None"
    store_error: str | None


def keep_callback(callback: Callback, to: Destinations, deadline: float, spill_time: float) -> Outcome:
    """Store a callback before the deadline, or send it to the spill within `spill_time` seconds after it.

    Raises StoreDown if neither is certain. `deadline` is a time of `time.monotonic`.
    """
    began = time.monotonic()
    read = read_callback(callback)
    keep: Callable[[], KeepResult | None]
    if isinstance(read, Event):
        keep = partial(to.events.keep, read, kept_at=now(), request_id=callback.request_id)
    else:
        keep = partial(to.quarantine().add, read.entry, callback.request_id)
    # Reading a body of megabytes takes time, and so does loading the quarantine: ours and not AWS's.
    deadline += time.monotonic() - began
    try:
        return Outcome(read, retry_until(deadline, keep), None)
    except StoreDown as error:
        body = read.packed if isinstance(read, Event) else read.entry.packed
        _send_to_spill(callback, body, to.spill(), deadline + spill_time, str(error))
        return Outcome(read, None, str(error))


def _send_to_spill(
    callback: Callback, body: "Packed", spill: "Spill", deadline: float, store_error: str
) -> None:
    # Rarely needed, so not loaded with the rest.
    from tavus_callbacks.aws.spill import SpilledCallback
    from tavus_callbacks.domain.common.tags import tag_query

    spilled = SpilledCallback(
        body=body,
        query=tag_query(callback.query),
        label=callback.label,
        received_at=callback.received_at,
        content_encoding=callback.content_encoding,
    )
    try:
        retry_until(deadline, partial(spill.send, spilled))
    except StoreDown as error:
        error.earlier = store_error
        raise
