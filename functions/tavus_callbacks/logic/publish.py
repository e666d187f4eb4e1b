"""Telling the bus what is new of a subject, in the course of replacing its summary."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tavus_callbacks.aws.event_bus import EventBus
from tavus_callbacks.aws.stores.recordings import RecordingRows, Row, sent_push_types
from tavus_callbacks.aws.stores.summaries import SummaryRows, Tell, tell_nobody
from tavus_callbacks.domain.common.timestamps import now
from tavus_callbacks.domain.conversations.settings import FoldSettings
from tavus_callbacks.domain.pushes.push import Push, Standing, pushes_of, recording_push, recording_type
from tavus_callbacks.domain.summaries.summary import CONVERSATION, SubjectFacts

Find = Callable[[Standing], frozenset[str]]


@dataclass(frozen=True, slots=True)
class Telling:
    """Where pushes go (None where the stack has no bus), and how facts are judged."""

    bus: EventBus | None
    settings: FoldSettings

    def of(
        self,
        kind: str,
        subject: str,
        find: Find,
        *,
        also: Sequence[Push] = (),
        has_object: bool = False,
    ) -> Tell:
        """Return what tells of a subject: `also`, and the types found that were not told before.

        What finds them is `meanings.arrived` where events came, `meanings.elapsed` where time has passed;
        `has_object` tells of a recording without its callback, where somebody looked.
        """
        bus = self.bus
        if bus is None:
            return tell_nobody
        # Another writer of the summary makes this be called again; what the bus has is not put twice for it.
        taken: set[str] = set()

        def tell(facts: SubjectFacts, told: frozenset[str]) -> frozenset[str]:
            until = self.settings.summed_up_until(now())
            standing = Standing(kind, subject, facts, until, self.settings, has_object)
            types = find(standing)
            pushes = [*also, *pushes_of(standing, types - told)]
            bus.put(push for push in pushes if push.push_id not in taken)
            taken.update(push.push_id for push in pushes)
            return told | types

        return tell


def tell_recording(
    bus: EventBus | None, summaries: SummaryRows, noted: RecordingRows, conversation_id: str, row: Row | None
) -> None:
    """Tell that a recording is there or has failed, unless that was told."""
    recording = noted.read(row) if row else None
    push_type = recording and recording_type(recording)
    if not (bus and row and recording and push_type) or push_type in sent_push_types(row):
        return
    facts = summaries.facts(CONVERSATION, conversation_id)
    bus.put([recording_push(conversation_id, recording, facts.receipt if facts else None)])
    noted.note_told(conversation_id, recording.recording_id, sent_push_types(row) | {push_type})
