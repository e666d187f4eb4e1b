"""Remove a late event of an erased subject."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tavus_callbacks.aws.items import Item
    from tavus_callbacks.aws.stores.bodies import Bodies
    from tavus_callbacks.aws.stores.summaries import SummaryRows


def remove_late(row: "Item", bodies: "Bodies", summaries: "SummaryRows") -> None:
    """Remove an event's row, its body, and its subject's summary with its index entries, if they are there.

    Raises StoreDown.
    """
    summaries.table.delete({"pk": row["pk"], "sk": row["sk"]})
    if "body_key" in row:
        bodies.remove(row["body_key"])
    summaries.delete(row["kind"], row["subject"])
