"""Erasing, step by step, in an order that may be interrupted anywhere and then repeated to the same end.

First the tombstones, so that what comes late is dropped from then on; then objects, which are found by a
subject's rows; the rows themselves last.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain

from tavus_callbacks.aws.event_bus import EventBus
from tavus_callbacks.aws.stores.keys import EVENT_SHARDS
from tavus_callbacks.aws.stores.tombstones import Tombstones
from tavus_callbacks.domain.callbacks.event import Event
from tavus_callbacks.domain.callbacks.families import KINDS
from tavus_callbacks.domain.common.tags import is_tagged
from tavus_callbacks.domain.common.timestamps import iso, now
from tavus_callbacks.domain.events.tag_scope import TaggedCallback
from tavus_callbacks.domain.pushes.push import erased_push
from tavus_callbacks.domain.summaries import summary
from tavus_callbacks_cli.erasure import failed, quarantine, recordings, snapshots, spill, subject
from tavus_callbacks_cli.erasure.indexed import LISTING, RECEIPTS, items
from tavus_callbacks_cli.erasure.place import (
    CONVERSATION,
    UNSUMMED,
    Left,
    Piece,
    Place,
    Subject,
    Wanted,
    sort_by_tag,
)

# Seconds after which a function that had begun before the tombstone was there has written what it wrote.
SETTLE = 3

Report = Callable[[str], object]


@dataclass(slots=True)
class Found:
    """What there is of somebody: pieces that are to go, and what is left."""

    pieces: list[Piece] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)

    def add(self, one: Piece | Left) -> None:
        """Add one of either."""
        (self.left if isinstance(one, Left) else self.pieces).append(one)  # type: ignore[arg-type]  # by its class


@dataclass(frozen=True, slots=True)
class Erasure:
    """What was done to whom and when: `lifetime` is the tombstones', `invalidation` CloudFront's id."""

    wanted: Wanted
    at: datetime
    lifetime: timedelta | None
    found: Found
    invalidation: str | None
    is_dry_run: bool = False


def tagged(place: Place, tag: tuple[str, str]) -> Wanted:
    """Find the subjects with a tag anywhere in the stack, and sort them by whether they belong to it."""
    with ExitStack() as cleanup:
        spilled = [one for queue in _held(place, cleanup) for one in spill.events_in(queue)]
    waiting: dict[Subject, list[TaggedCallback]] = {}
    for event in spilled:
        waiting.setdefault((event.kind, event.subject), []).append(_waiting(event))
    found = {*_stored(place, tag), *_elsewhere(place, Wanted(frozenset(), tag))}
    found |= {(each.kind, each.subject) for each in spilled if is_tagged(each.tags, tag)}
    tombstones = Tombstones(place.store.client, place.store.table)
    erased = [each for each in found if tombstones.is_erased(*each)]
    candidates = {
        each: [*subject.tagged_callbacks(place, each), *waiting.get(each, ())]
        for each in found.difference(erased)
    }
    return sort_by_tag(tag, candidates, erased)


def _waiting(event: Event) -> TaggedCallback:
    return TaggedCallback(event.family, event.event_type, event.source, event.tags, iso(event.received_at))


def _stored(place: Place, tag: tuple[str, str]) -> Iterator[Subject]:
    """Yield subjects with the tag in their summary, or in an event that may be in no summary yet."""
    for kind in KINDS:
        yield from _listed(place, kind, tag)
    yield from _received(place, tag, since=now() - UNSUMMED)


def _elsewhere(place: Place, wanted: Wanted) -> Iterator[Subject]:
    """Yield subjects with the tag in pushes that wait and in records that failed."""
    with ExitStack() as cleanup:
        queues = _held(place, cleanup, spill.PUSH_QUEUES)
        yield from chain.from_iterable(spill.pushed_in(queue, wanted) for queue in queues)
    yield from failed.subjects_in(place, wanted)


def _listed(place: Place, kind: str, tag: tuple[str, str]) -> Iterator[Subject]:
    for item in items(place, LISTING, summary.shards(kind)):
        pairs = summary.parse_facts(kind, item["facts"]).receipt.tags
        if any(is_tagged({name: value}, tag) for name, value in pairs):
            yield kind, item["subject"]


def _received(place: Place, tag: tuple[str, str], since: datetime) -> Iterator[Subject]:
    """Yield the subjects of events with a tag that were received since a time."""
    for item in items(place, RECEIPTS, EVENT_SHARDS, iso(since)):
        if is_tagged(item["tags"], tag):
            yield item["kind"], item["subject"]


def survey(place: Place, wanted: Wanted) -> Found:
    """Find everything, and remove nothing; spilled messages are out of the drain's sight for a moment."""
    found = Found()
    with ExitStack() as cleanup:
        for one in _everything(place, wanted, cleanup):
            found.add(one)
    return found


def erase(place: Place, wanted: Wanted, lifetime: timedelta | None, at: datetime, report: Report) -> Erasure:
    """Remove everything, and report each piece by its store as it goes; raises what AWS refuses."""
    tombstones = Tombstones(place.store.client, place.store.table)
    for kind, name in sorted(wanted.subjects):
        tombstones.add(kind, name, at=at, lifetime=lifetime)
    began = time.monotonic()
    found = Found()
    _remove(found, recordings.of_recordings(place, wanted), report)
    invalidation = recordings.invalidate(place, wanted, f"erase-{at.timestamp()}")
    with ExitStack() as cleanup:
        _remove(found, _shared(place, wanted, cleanup), report)
    _remove(found, _own(place, wanted), report)
    # What a function wrote that had looked for the tombstone just before it was there.
    time.sleep(max(0.0, SETTLE - (time.monotonic() - began)))
    _remove(found, _own(place, wanted), report)
    _remove(found, snapshots.of_snapshots(place), report)
    _remove(found, snapshots.await_newest(place), report)
    _tell(place, wanted, at)
    return Erasure(wanted, at, lifetime, found, invalidation)


def _remove(found: Found, pieces: Iterator[Piece | Left], report: Report) -> None:
    for one in pieces:
        if isinstance(one, Piece):
            one.remove()
            report(one.store)
        found.add(one)


def _everything(place: Place, wanted: Wanted, cleanup: ExitStack) -> Iterator[Piece | Left]:
    yield from recordings.of_recordings(place, wanted)
    yield from _shared(place, wanted, cleanup)
    yield from _own(place, wanted)
    yield from snapshots.of_snapshots(place)


def _own(place: Place, wanted: Wanted) -> Iterator[Piece]:
    """Yield what lies under the subjects' own names."""
    for one in sorted(wanted.subjects):
        yield from subject.of_subject(place, one)


def _shared(place: Place, wanted: Wanted, cleanup: ExitStack) -> Iterator[Piece | Left]:
    """Yield what lies among that of others: quarantine, spill, and failed records."""
    yield from quarantine.of_quarantine(place, wanted)
    for queue in _held(place, cleanup):
        yield from spill.of_queue(queue, wanted)
        yield from filter(None, [queue.unseen()])
    for queue in _held(place, cleanup, spill.PUSH_QUEUES):
        yield from spill.of_pushes(queue, wanted)
        yield from filter(None, [queue.unseen()])
    yield from spill.of_bucket(place, wanted)
    yield from failed.of_failed(place, wanted)


def _held(
    place: Place, cleanup: ExitStack, outputs: Iterable[str] = tuple(spill.QUEUES)
) -> Iterator[spill.Held]:
    """Hold the messages of queues, of those that the stack has."""
    there = (output for output in outputs if output in place.deployment.outputs)
    return (cleanup.enter_context(spill.held(place, output)) for output in there)


def _tell(place: Place, wanted: Wanted, at: datetime) -> None:
    """Tell the bus, if the stack has one: consumers keep copies of their own."""
    name = place.deployment.outputs.get("EventBusName")
    if name is not None:
        bus = EventBus(place.deployment.client("events"), name)
        bus.put(erased_push(CONVERSATION, one, at=at) for one in wanted.conversations)
