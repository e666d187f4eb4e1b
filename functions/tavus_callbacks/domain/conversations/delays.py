"""How long the parts of a conversation usually take to arrive after its end, and when one is overdue.

Without pydantic, whose import would delay `tavus-callbacks problems` by 0.1 s.
"""

from typing import Literal

Part = Literal["shutdown", "transcript", "perception", "recording"]

# Seconds from the end to the callback: 0.001 to 0.4 seen, 3 min, seconds to a few minutes.
USUAL_DELAY: dict[Part, float] = {"shutdown": 1, "transcript": 1, "perception": 180, "recording": 180}

# A part is overdue after three times its usual delay, but not before a minute: delivery takes time too.
_PATIENCE, LEAST = 3, 60.0


def is_overdue(part: Part, waited: float) -> bool:
    """Return whether a part is overdue after so many seconds of waiting."""
    return waited > max(LEAST, _PATIENCE * USUAL_DELAY[part])
