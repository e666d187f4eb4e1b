"""What facts mean: the types of pushes that follow from them, in whatever order the events came.

`arrived` asks nothing but the events, so that types only ever join it as more come. The exception is
`conversation.complete`, for an event that comes late may show that another is missing. `elapsed` is what the
schedule adds when time has passed. Each type is told once: a summary's row says which were (`told`).
"""

from datetime import timedelta

from tavus_callbacks.domain.conversations.expected import Missing, missing_of, status_of
from tavus_callbacks.domain.conversations.facts import Facts
from tavus_callbacks.domain.events import event_types
from tavus_callbacks.domain.pushes import push
from tavus_callbacks.domain.pushes.push import Standing
from tavus_callbacks.domain.resources.facts import ResourceFacts

_BY_EVENT_TYPE = {
    **dict.fromkeys(event_types.JOINED, push.STARTED),
    event_types.SHUTDOWN: push.ENDED,
    event_types.TRANSCRIPT: push.TRANSCRIPT,
    event_types.ANALYSIS: push.PERCEPTION,
    event_types.UNAVAILABLE: push.NO_PERCEPTION,
}
# So long after the last receipt time alone may tell.
_AT_REST = timedelta(minutes=1)

_BY_STATUS = {"ready": "ready", "error": "failed"}


def arrived(standing: Standing) -> frozenset[str]:
    """Return the types that the events of a subject mean."""
    facts = standing.facts
    if isinstance(facts, ResourceFacts):
        return frozenset(f"{standing.kind}.{_BY_STATUS[one]}" for one in facts.statuses & _BY_STATUS.keys())
    found = {_BY_EVENT_TYPE[one] for one in facts.event_types & _BY_EVENT_TYPE.keys()}
    is_complete = push.ENDED in found and not _missing(facts, standing)
    return frozenset(found | ({push.COMPLETE} if is_complete else set()))


def elapsed(standing: Standing) -> frozenset[str]:
    """Return those, the end that is presumed, and `complete` where all that is missing is overdue."""
    facts, found = standing.facts, arrived(standing)
    if isinstance(facts, ResourceFacts):
        return found
    if status_of(facts, now=standing.now, settings=standing.settings) == "active":
        return found
    # After an outage what happened long ago comes now, piece by piece: the rest may be on its way.
    if standing.now - facts.receipt.received_last_at < _AT_REST:
        return found
    is_over = all(one.overdue for one in _missing(facts, standing))
    return found | {push.ENDED} | ({push.COMPLETE} if is_over else set())


def _missing(facts: Facts, standing: Standing) -> list[Missing]:
    has_recording = standing.has_object or bool(facts.recordings)
    return missing_of(facts, now=standing.now, settings=standing.settings, has_recording=has_recording)
