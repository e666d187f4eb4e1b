"""Erasing, step by step. It may be interrupted anywhere, and a repeat has the same result.

First come the tombstones, so that late callbacks are dropped from then on. Then come objects, which are found
by a subject's rows, and the rows themselves last.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tavus_callbacks.aws.event_bus import EventBus
from tavus_callbacks.aws.stores.keys import EVENT_SHARDS
from tavus_callbacks.aws.stores.tombstones import Tombstones
from tavus_callbacks.domain.callbacks.families import KINDS
from tavus_callbacks.domain.common import tombstone
from tavus_callbacks.domain.common.tags import is_tagged
from tavus_callbacks.domain.common.timestamps import iso, now
from tavus_callbacks.domain.events.tag_scope import TaggedCallback
from tavus_callbacks.domain.pushes.push import erased_push
from tavus_callbacks.domain.summaries import summary
from tavus_callbacks_cli.erasure import failed, spill
from tavus_callbacks_cli.erasure.index import index_items
from tavus_callbacks_cli.erasure.pieces import Leftover, Piece
from tavus_callbacks_cli.erasure.quarantine import quarantine_pieces
from tavus_callbacks_cli.erasure.recordings import invalidate, recording_pieces
from tavus_callbacks_cli.erasure.snapshots import rewrite_journal, snapshot_pieces
from tavus_callbacks_cli.erasure.subject import subject_pieces, tagged_callbacks
from tavus_callbacks_cli.operations.selection import (
    CONVERSATION,
    SUMMARY_DELAY,
    Selection,
    Subject,
    select_by_tag,
)
from tavus_callbacks_cli.targets.aws_stack import Deployment

# Seconds after which a function that began before the tombstone has finished its writes.
SETTLE = 3
# Days for which the template keeps the versions of a deleted recording.
NONCURRENT_DAYS = 30
# A callback can wait in the spill for 14 days; after that, nothing can bring a simulated conversation back.
SIMULATED_LIFETIME = timedelta(days=15)
# S3's clock and that of this machine differ by less.
_CLOCKS_DIFFER = timedelta(hours=1)

Report = Callable[[str], object]


@dataclass(slots=True)
class Findings:
    """Everything that was found: pieces to remove, and leftovers."""

    pieces: list[Piece] = field(default_factory=list)
    leftovers: list[Leftover] = field(default_factory=list)

    def add(self, finding: Piece | Leftover) -> None:
        """Add a piece, or a leftover that was not found before."""
        if isinstance(finding, Piece):
            self.pieces.append(finding)
        elif finding not in self.leftovers:
            self.leftovers.append(finding)

    def remove(self, findings: Iterable[Piece | Leftover], report: Report) -> None:
        """Remove each piece as it is found, report its store, and add everything."""
        for finding in findings:
            if isinstance(finding, Piece):
                finding.remove()
                report(finding.store)
            self.add(finding)


@dataclass(frozen=True, slots=True)
class Erasure:
    """The erased data and the time: `lifetime` is that of the tombstones, `invalidation` CloudFront's id."""

    selection: Selection
    at: datetime
    lifetime: timedelta | None
    findings: Findings
    invalidation: str | None
    is_dry_run: bool = False


def tombstone_lifetime(deployment: Deployment) -> timedelta | None:
    """Return how long a tombstone lasts: longer than everything that the stack's parameters keep."""
    names = ["EventRetentionDays", "QuarantineRetentionDays"]
    names += ["RecordingRetentionDays"] if deployment.has_recordings else []
    days = [int(deployment.parameters.get(name, "0")) for name in names]
    days += [NONCURRENT_DAYS] if deployment.has_recordings else []
    return tombstone.lifetime(timedelta(days=each) if each else None for each in days)


def find_by_tag(deployment: Deployment, tag: tuple[str, str]) -> Selection:
    """Find the subjects with a tag anywhere in the stack, and select those that belong to it."""
    store = deployment.store
    waiting: dict[Subject, list[TaggedCallback]] = {}
    subjects: set[Subject] = set()
    # The spill first: a callback that is drained meanwhile is then stored, and seen there.
    with ExitStack() as cleanup:
        for queue in _hold_queues(deployment, cleanup):
            for event in spill.spilled_events(queue):
                callback = TaggedCallback(
                    event.family, event.event_type, event.source, event.tags, iso(event.received_at)
                )
                waiting.setdefault((event.kind, event.subject), []).append(callback)
                if is_tagged(event.tags, tag):
                    subjects.add((event.kind, event.subject))
    subjects.update(_subjects_with_tag(deployment, tag))
    tombstones = Tombstones(store.client, store.table)
    erased = [subject for subject in subjects if tombstones.is_erased(*subject)]
    candidates = {
        subject: [*tagged_callbacks(store, subject), *waiting.get(subject, ())]
        for subject in subjects.difference(erased)
    }
    return select_by_tag(tag, candidates, erased)


def _subjects_with_tag(deployment: Deployment, tag: tuple[str, str]) -> Iterator[Subject]:
    """Yield subjects with the tag in a summary, a recent event, a push that waits, or a failed record."""
    for kind in KINDS:
        for item in index_items(deployment.store, "listing", summary.shards(kind)):
            pairs = summary.parse_facts(kind, item["facts"]).receipt.tags
            if any(is_tagged({name: value}, tag) for name, value in pairs):
                yield kind, item["subject"]
    since = iso(now() - SUMMARY_DELAY)
    # No summary may have these events yet.
    for item in index_items(deployment.store, "receipts", EVENT_SHARDS, since):
        if is_tagged(item["tags"], tag):
            yield item["kind"], item["subject"]
    tagged = Selection(frozenset(), tag)
    with ExitStack() as cleanup:
        for queue in _hold_queues(deployment, cleanup, spill.PUSH_QUEUES):
            yield from spill.pushed_subjects(queue, tagged)
    yield from failed.failed_subjects(deployment, tagged)


def survey(deployment: Deployment, selection: Selection) -> Findings:
    """Find everything and remove nothing; for a moment the drain does not see the spilled messages."""
    findings = Findings()
    with ExitStack() as cleanup:
        for pieces in (
            recording_pieces(deployment, selection),
            _shared_pieces(deployment, selection, cleanup),
            _own_pieces(deployment, selection),
            snapshot_pieces(deployment),
        ):
            for finding in pieces:
                findings.add(finding)
    return findings


def erase(
    deployment: Deployment, selection: Selection, lifetime: timedelta | None, at: datetime, report: Report
) -> Erasure:
    """Remove everything, and report each piece by its store; raises the errors of AWS."""
    tombstones = Tombstones(deployment.store.client, deployment.store.table, deployment.store.now)
    for kind, name in sorted(selection.subjects):
        tombstones.add(kind, name, at=at, lifetime=lifetime)
    began = time.monotonic()
    findings = Findings()
    findings.remove(recording_pieces(deployment, selection), report)
    invalidation = invalidate(deployment, selection, f"erase-{at.timestamp()}")
    with ExitStack() as cleanup:
        findings.remove(_shared_pieces(deployment, selection, cleanup), report)
    _remove_own_pieces(deployment, selection, findings, report, began)
    # Such a function may have set a record aside since, too.
    findings.remove(failed.failed_pieces(deployment, selection, at - _CLOCKS_DIFFER), report)
    findings.remove(snapshot_pieces(deployment), report)
    findings.remove(rewrite_journal(deployment), report)
    # Consumers of the bus keep copies of their own.
    bus_name = deployment.outputs.get("EventBusName")
    if bus_name is not None:
        bus = EventBus(deployment.client("events"), bus_name)
        bus.put(erased_push(CONVERSATION, conversation, at=at) for conversation in selection.conversations)
    return Erasure(selection, at, lifetime, findings, invalidation)


def remove_simulated(deployment: Deployment, conversation: str, since: datetime) -> Findings:
    """Remove a simulated conversation that began at a time; raises the errors of AWS.

    The tombstone expires, and no push announces the erasure. Queues are not searched, because that delays
    the messages of other conversations. If a callback is drained later, the stream removes it. A push that
    waits is dropped at its next attempt.
    """
    store, selection = deployment.store, Selection(frozenset({(CONVERSATION, conversation)}))
    tombstones = Tombstones(store.client, store.table, store.now)
    tombstones.add_unmarked(CONVERSATION, conversation, at=now(), lifetime=SIMULATED_LIFETIME)
    began, findings = time.monotonic(), Findings()
    findings.remove(recording_pieces(deployment, selection), _ignore)
    _remove_own_pieces(deployment, selection, findings, _ignore, began)
    findings.remove(failed.failed_pieces(deployment, selection, since - _CLOCKS_DIFFER), _ignore)
    return findings


def _ignore(_: str) -> None:
    """Report no progress."""


def _remove_own_pieces(
    deployment: Deployment, selection: Selection, findings: Findings, report: Report, began: float
) -> None:
    """Remove the data under the subjects' own names; `began` is when the tombstones were there."""
    findings.remove(_own_pieces(deployment, selection), report)
    # A function that looked for the tombstone just before it was there may have written since.
    time.sleep(max(0.0, SETTLE - (time.monotonic() - began)))
    findings.remove(_own_pieces(deployment, selection), report)


def _own_pieces(deployment: Deployment, selection: Selection) -> Iterator[Piece]:
    """Yield the data under the subjects' own names."""
    for subject in sorted(selection.subjects):
        yield from subject_pieces(deployment.store, subject)


def _shared_pieces(
    deployment: Deployment, selection: Selection, cleanup: ExitStack
) -> Iterator[Piece | Leftover]:
    """Yield the data that lies among that of others: quarantine, spill, and failed records."""
    yield from quarantine_pieces(deployment.store, selection)
    for queue in _hold_queues(deployment, cleanup):
        yield from spill.spill_pieces(queue, selection)
        yield from queue.unseen_messages()
    for queue in _hold_queues(deployment, cleanup, spill.PUSH_QUEUES):
        yield from spill.push_pieces(queue, selection)
        yield from queue.unseen_messages()
    yield from spill.spilled_body_pieces(deployment.store, selection)
    yield from failed.failed_pieces(deployment, selection)


def _hold_queues(
    deployment: Deployment, cleanup: ExitStack, outputs: Iterable[str] = tuple(spill.QUEUES)
) -> Iterator[spill.HeldQueue]:
    """Hold the messages of those queues that the stack has."""
    for output in outputs:
        if output in deployment.outputs:
            yield cleanup.enter_context(spill.hold_queue(deployment, output))
