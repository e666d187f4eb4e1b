"""Telling the bus what is new of a subject, in the course of replacing its summary."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tavus_callbacks.aws.bus import Bus
from tavus_callbacks.aws.summaries import Tell, tell_nobody
from tavus_callbacks.domain.fold_settings import FoldSettings
from tavus_callbacks.domain.pushes import Push, Standing, pushes_of
from tavus_callbacks.domain.summary import SubjectFacts
from tavus_callbacks.domain.timestamps import now

Find = Callable[[Standing], frozenset[str]]


@dataclass(frozen=True, slots=True)
class Telling:
    """Where pushes go (None where the stack has no bus), and how facts are judged."""

    bus: Bus | None
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

        def tell(facts: SubjectFacts, told: frozenset[str]) -> frozenset[str]:
            standing = Standing(kind, subject, facts, now(), self.settings, has_object)
            types = find(standing)
            bus.put([*also, *pushes_of(standing, types - told)])
            return told | types

        return tell
