"""How far the schedule has come in the list of conversations, if one run does not get through it."""

from dataclasses import dataclass, replace
from datetime import datetime

from tavus_callbacks.domain.repair.open_conversations import ALL_EVERY


@dataclass(frozen=True, slots=True)
class Sweep:
    """Where the next run goes on (None: at the newest), and since when conversations are open, so far.

    `is_all` says whether this sweep checks all conversations, or only the newest. `oldest` is of this sweep;
    `older` is of the conversations that only a sweep through all checks. `older_before` is the `older` of the
    last sweep through all, which ended at `all_at`.
    """

    before: str | None = None
    is_all: bool = False
    oldest: datetime | None = None
    older: datetime | None = None
    older_before: datetime | None = None
    all_at: datetime | None = None

    def begin(self, now: datetime) -> "Sweep":
        """Return the sweep to go on with: this one if it has not ended, or the next."""
        if self.before is not None:
            return self
        is_all = self.all_at is None or now - self.all_at >= ALL_EVERY
        return replace(self, is_all=is_all, oldest=None, older=None)

    def end(
        self, now: datetime, *, before: str | None, oldest: datetime | None, older: datetime | None
    ) -> "Sweep":
        """Return the sweep as a run leaves it that began at `now`."""
        sweep = replace(self, before=before, oldest=oldest, older=older)
        is_over = self.is_all and before is None
        return replace(sweep, older_before=older, all_at=now) if is_over else sweep
