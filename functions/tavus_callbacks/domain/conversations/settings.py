"""What a deployment knows of its conversations; apart from the fold, which is dear to import."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class FoldSettings:
    """When silence means the end, what this team's conversations bring, and how late their summaries are."""

    presumed_ended_after: timedelta
    expect_recording: bool = False
    expect_perception: bool = False
    summary_window: timedelta = timedelta()

    def summed_up_until(self, now: datetime) -> datetime:
        """Return up to when summaries tell of everything; what came since may wait in the stream."""
        return now - self.summary_window
