"""Store what `intake` makes of a callback."""

from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tavus_callbacks.aws.stores.events import EventsTable
    from tavus_callbacks.domain.callbacks.intake import Misfit


def quarantine(misfit: "Misfit", events: "EventsTable", retention: timedelta | None, request_id: str) -> None:
    """Keep a misfit in quarantine; raises StoreDown."""
    from tavus_callbacks.aws.stores.quarantine import QuarantineRows

    QuarantineRows(events.client, events.name, events.bodies, retention).keep(misfit.entry, request_id)
