"""An event as it is read: the item's members under the contract's names, its body inline or by URL."""

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any

from tavus_callbacks.domain.callbacks.event import event_id
from tavus_callbacks.domain.common.json_text import BYTE_ORDER_MARK

# Bytes up to which a body stands in a list.
INLINE_LIMIT = 256 * 1024

Item = Mapping[str, Any]


def event_view(item: Item, body: bytes | None) -> dict[str, Any]:
    """Describe an event or a variant of one; `body` is None where it is too large to stand here."""
    ref, _, variant = item["ref"].partition("-v")
    name = event_id(item["kind"], item["subject"], item["ref"])
    return {
        "event_id": event_id(item["kind"], item["subject"], ref),
        **({"variant_id": name} if variant else {}),
        "family": item["family"],
        "kind": item["kind"],
        "subject": item["subject"],
        "event_type": item["event_type"],
        "occurred_at": item.get("occurred_at"),
        "received_at": item["received_at"],
        "label": item["label"],
        "tags": item["tags"],
        "source": item.get("source", "callback"),
        "issues": item["issues"],
        **_body(name, body),
    }


def _body(name: str, body: bytes | None) -> dict[str, Any]:
    if body is None:
        return {"body_url": f"/events/{name}/body"}
    return {"body": json.loads(body.decode().removeprefix(BYTE_ORDER_MARK))}


def with_variants(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Group items in key order into events, each followed by its variants."""
    for _, group in groupby(items, key=lambda item: item["ref"].partition("-v")[0]):
        yield list(group)


def quarantine_view(item: Item, body: bytes | None) -> dict[str, Any]:
    """Describe an entry in quarantine; what is no text is shown with replacement characters."""
    names = ("quarantine_id", "title", "detail", "label", "tags", "first_received_at", "last_received_at")
    view = {name: item[name] for name in names}
    view["content_encoding"] = item.get("content_encoding")
    view |= {"status": int(item["status"]), "count": int(item["count"]), "size": int(item["body_size"])}
    return view | {"body": None if body is None else body.decode("utf-8", "replace")}
