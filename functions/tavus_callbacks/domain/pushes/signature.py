"""The headers of a signed push, as Standard Webhooks specifies them, made by its library."""

from collections.abc import Sequence
from datetime import datetime

from standardwebhooks import Webhook


def signed_headers(secrets: Sequence[str], push_id: str, body: str, *, at: datetime) -> dict[str, str]:
    """Return the headers that prove a body's origin, with one signature for each secret that is in use."""
    signatures = (Webhook(secret).sign(push_id, at, body) for secret in secrets)
    return {
        "webhook-id": push_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
