"""Settings of a deployment about its conversations; apart from the fold, which takes long to import."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class FoldSettings:
    """How long a silence means the end, and which parts conversations have."""

    presumed_ended_after: timedelta
    expect_recording: bool = False
    expect_perception: bool = False
