"""The headers of a signed push, as Standard Webhooks specifies them; its own library makes the signatures."""

from collections.abc import Sequence
from datetime import datetime

from standardwebhooks import Webhook


def signature_headers(secrets: Sequence[str], push_id: str, body: str, *, at: datetime) -> dict[str, str]:
    """Return the headers that prove a body's origin, with a signature by each of the secrets."""
    signatures = (Webhook(secret).sign(push_id, at, body) for secret in secrets)
    return {
        "webhook-id": push_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
