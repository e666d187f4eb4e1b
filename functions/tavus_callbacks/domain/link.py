"""Signed links: the URL that CloudFront checks, and how long it lives.

The policy is CloudFront's canned one, byte for byte as its documentation spells it; the signature is ECDSA
P-256 with SHA-256, which `Hash-Algorithm=SHA256` announces. Everything but unreserved characters is
percent-encoded: CloudFront verifies the bytes of the request, and S3 decodes them for the key.
"""

import base64
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from urllib.parse import quote

MAX_LIFETIME = timedelta(hours=12)
# A viewer who pauses, seeks and comes back must still reach the end.
SLACK = timedelta(hours=1)

CONTENT_TYPE = "video/mp4"

_UNSAFE_IN_NAME = re.compile(r"[^A-Za-z0-9._-]+")

# CloudFront's own alphabet for base64 in a query.
_TO_CLOUDFRONT = bytes.maketrans(b"+=/", b"-_~")


def lifetime(asked: timedelta, duration: float | None) -> timedelta:
    """Return how long a link lives: as asked, but the recording and an hour at least, 12 hours at most.

    A recording whose duration nobody knows may last for hours, so its link lives as long as any.
    """
    if duration is None:
        return MAX_LIFETIME
    return min(max(asked, timedelta(seconds=duration) + SLACK), MAX_LIFETIME)


def resource_url(base_url: str, key: str, *, download_name: str | None) -> str:
    """Return the URL to sign: an object, the type to answer with, and a file name if it is to be saved."""
    overrides = {"response-content-type": CONTENT_TYPE}
    if download_name is not None:
        overrides = {"response-content-disposition": f"attachment; filename={download_name}", **overrides}
    query = "&".join(f"{name}={_encoded(value)}" for name, value in overrides.items())
    return f"{base_url}/{quote(key, safe='/-._~')}?{query}"


def download_name(conversation_id: str, recording_id: str) -> str:
    """Return a file name that needs no quoting anywhere."""
    return _UNSAFE_IN_NAME.sub("-", f"{conversation_id}-{recording_id}")[:120].strip("-") + ".mp4"


def signed(url: str, *, expires: datetime, key_id: str, sign: Callable[[bytes], bytes]) -> str:
    """Sign a URL; `sign` returns the DER signature of the policy's bytes."""
    moment = int(expires.timestamp())
    signature = base64.b64encode(sign(policy(url, moment))).translate(_TO_CLOUDFRONT).decode()
    return f"{url}&Expires={moment}&Signature={signature}&Key-Pair-Id={key_id}&Hash-Algorithm=SHA256"


def policy(url: str, expires: int) -> bytes:
    """Return the canned policy for a URL and an expiry in seconds since 1970."""
    return (
        f'{{"Statement":[{{"Resource":"{url}",'
        f'"Condition":{{"DateLessThan":{{"AWS:EpochTime":{expires}}}}}}}]}}'
    ).encode()


def _encoded(value: str) -> str:
    return quote(value, safe="-._~")
