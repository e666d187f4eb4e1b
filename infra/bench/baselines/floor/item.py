"""An item as `receive` puts one for a callback of 2 KB."""
# ruff: noqa: INP001  # a function's folder, as in Lambda

from typing import Any

BODY = bytes(range(256)) * 3
ITEM: dict[str, Any] = {
    "pk": {"S": "conversation#c00000000000002ab"},
    "sk": {"S": "e1#01763632800000000-0123456789abcdef0123456789abcdef"},
    "type": {"S": "event"},
    "ref": {"S": "01763632800000000-0123456789abcdef0123456789abcdef"},
    "family": {"S": "conversation"},
    "kind": {"S": "conversation"},
    "subject": {"S": "c00000000000002ab"},
    "event_type": {"S": "application.transcription_ready"},
    "occurred_at": {"S": "2026-11-20T10:00:00.000000Z"},
    "received_at": {"S": "2026-11-20T10:00:00.000000Z"},
    "label": {"S": "bench"},
    "tags": {"M": {"user": {"S": "4711"}}},
    "issues": {"L": []},
    "content": {"S": "0123456789abcdef0123456789abcdef"},
    "receipt_shard": {"S": "r1#07"},
    "receipt": {"S": "2026-11-20T10:00:00.000000Z#0123456789abcdef0123456789abcdef"},
    "encoding": {"S": "deflate"},
    "body_size": {"N": "2048"},
}
