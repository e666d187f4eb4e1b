"""An event as it is read: the item's members under the contract's names, its body inline or by URL."""

import json
from collections.abc import Mapping
from typing import Any

from tavus_callbacks.domain.common.json_text import BYTE_ORDER_MARK
from tavus_callbacks.domain.common.timestamps import iso
from tavus_callbacks.domain.events.stored_event import StoredEvent

# Bytes up to which a body stands in a list.
LIST_BODY_LIMIT = 256 * 1024

Item = Mapping[str, Any]


def event_view(event: StoredEvent, raw_body: bytes | None) -> dict[str, Any]:
    """Describe an event or a variant; `raw_body` is None if it is too large to stand here."""
    return {
        "event_id": event.event_id,
        **({"variant_id": event.row_id} if event.is_variant else {}),
        "family": event.family,
        "kind": event.kind,
        "subject": event.subject,
        "event_type": event.event_type,
        "occurred_at": iso(event.occurred_at) if event.occurred_at else None,
        "received_at": iso(event.received_at),
        "label": event.label,
        "tags": event.tags,
        "source": event.source,
        "issues": list(event.issues),
        **_body(event.row_id, raw_body),
    }


def _body(name: str, body: bytes | None) -> dict[str, Any]:
    if body is None:
        return {"body_url": f"/events/{name}/body"}
    return {"body": json.loads(body.decode().removeprefix(BYTE_ORDER_MARK))}


def quarantine_view(item: Item, body: bytes | None) -> dict[str, Any]:
    """Describe an entry in quarantine; what is no text is shown with replacement characters."""
    names = ("quarantine_id", "title", "detail", "label", "tags", "first_received_at", "last_received_at")
    view = {name: item[name] for name in names}
    view["content_encoding"] = item.get("content_encoding")
    view |= {"status": int(item["status"]), "count": int(item["count"]), "size": int(item["body_size"])}
    return view | {"body": None if body is None else body.decode("utf-8", "replace")}
