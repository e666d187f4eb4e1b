"""Remove an event that came late, after its subject was erased."""

from typing import TYPE_CHECKING, Any

from tavus_callbacks.aws.errors import store_down
from tavus_callbacks.aws.items import write_item

if TYPE_CHECKING:
    from tavus_callbacks.aws.stores.bodies import Bodies
    from tavus_callbacks.aws.stores.summaries import SummaryRows


def remove_late(item: dict[str, Any], bodies: "Bodies", summaries: "SummaryRows") -> None:
    """Remove an event's row, its body and its subject's summary if they are there; raises StoreDown."""
    with store_down():
        key = write_item({"pk": item["pk"], "sk": item["sk"]})
        summaries.client.delete_item(TableName=summaries.table, Key=key)
    if "body_key" in item:
        bodies.remove(item["body_key"])
    summaries.delete(item["kind"], item["subject"])
