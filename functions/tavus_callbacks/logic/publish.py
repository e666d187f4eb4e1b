"""Derive the pushes about a subject, and publish news about a recording."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tavus_callbacks.aws.event_bus import EventBus
from tavus_callbacks.aws.stores.recordings import RecordingRows
from tavus_callbacks.aws.stores.summaries import SummaryRows
from tavus_callbacks.domain.common.timestamps import now
from tavus_callbacks.domain.conversations.settings import FoldSettings
from tavus_callbacks.domain.pushes.derived import (
    SubjectState,
    derived_pushes,
    recording_push,
    recording_push_type,
)
from tavus_callbacks.domain.pushes.push import Push
from tavus_callbacks.domain.recordings.recording import Recording
from tavus_callbacks.domain.summaries.summary import CONVERSATION, SubjectFacts


@dataclass(frozen=True, slots=True)
class Publisher:
    """The pushes of a change of a summary, and their bus.

    `derive` is `types_by_events` when events came, `types_by_time` when time has passed. `callbacks` are the
    pushes of the events that came.
    """

    bus: EventBus
    settings: FoldSettings
    derive: Callable[[SubjectState], frozenset[str]]
    callbacks: Sequence[Push] = ()

    def work_out_pushes(
        self, kind: str, subject: str, facts: SubjectFacts, published: frozenset[str]
    ) -> tuple[list[Push], frozenset[str]]:
        """Return the callbacks' pushes with those of types that are not published yet, and all types."""
        state = SubjectState(kind, subject, facts, now(), self.settings)
        types = self.derive(state)
        return [*self.callbacks, *derived_pushes(state, types - published)], types


def publish_recording(
    bus: EventBus | None, summaries: SummaryRows, recordings: RecordingRows, recording: Recording
) -> None:
    """Publish that a recording is available or failed, unless that was published; raises StoreDown."""
    push_type = recording_push_type(recording)
    if bus is None or push_type is None or push_type in recording.published:
        return
    summary = summaries.get(CONVERSATION, recording.conversation_id)
    receipt = summary.update.facts.receipt if summary else None
    bus.put([recording_push(recording, receipt)])
    recordings.put_published(recording, recording.published | {push_type})
