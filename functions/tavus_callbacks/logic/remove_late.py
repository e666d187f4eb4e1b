"""Removing what came late of a subject that was erased: the event, its body, the summary made of it."""

from typing import TYPE_CHECKING, Any

from tavus_callbacks.aws.errors import store_down
from tavus_callbacks.aws.items import write_item

if TYPE_CHECKING:
    from tavus_callbacks.aws.stores.bodies import Bodies
    from tavus_callbacks.aws.stores.summaries import SummaryRows


def forget_late(item: dict[str, Any], bodies: "Bodies", summaries: "SummaryRows") -> None:
    """Remove an event and what came of it, whether it is there or not; raises StoreDown."""
    with store_down():
        key = write_item({"pk": item["pk"], "sk": item["sk"]})
        summaries.client.delete_item(TableName=summaries.table, Key=key)
    if "body_key" in item:
        bodies.remove(item["body_key"])
    summaries.remove(item["kind"], item["subject"])
