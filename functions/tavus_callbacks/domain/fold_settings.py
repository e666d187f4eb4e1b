"""What a deployment knows of its conversations; apart from the fold, which is dear to import."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class FoldSettings:
    """When silence means the end, and what this team's conversations are known to bring."""

    presumed_ended_after: timedelta
    expect_recording: bool = False
    expect_perception: bool = False
