"""How the stand-in for Tavus's API behaves: as documented, or wrongly in one way."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Behaviour:
    """How the stand-in answers: with a status instead of a record, `delay` seconds late, with which events.

    `times` is the number of requests that get this behaviour, None for all of them.
    """

    status: int | None = None
    retry_after: str | None = None
    delay: float = 0
    events: Literal["shown", "null", "absent"] = "shown"
    times: int | None = None


MODES: Mapping[str, Behaviour] = {
    "healthy": Behaviour(),
    "401": Behaviour(status=401),
    "404": Behaviour(status=404),
    "429": Behaviour(status=429, retry_after="1", times=2),
    "500": Behaviour(status=500),
    "slow": Behaviour(delay=30),
    "null-events": Behaviour(events="null"),
    "no-events": Behaviour(events="absent"),
}
