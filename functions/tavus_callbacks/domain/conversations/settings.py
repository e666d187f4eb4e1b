"""Settings of a deployment about its conversations; apart from the fold, which takes long to import."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class FoldSettings:
    """How long a silence means the end, which parts conversations have, and how late summaries are."""

    presumed_ended_after: timedelta
    expect_recording: bool = False
    expect_perception: bool = False
    summary_window: timedelta = timedelta()

    def summary_horizon(self, now: datetime) -> datetime:
        """Return the time up to which summaries are complete; later events may still wait in the stream."""
        return now - self.summary_window
