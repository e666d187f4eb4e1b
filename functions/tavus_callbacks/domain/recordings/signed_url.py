"""Signed URLs: the URL of an object that CloudFront checks, and how long it is valid.

The policy is CloudFront's canned policy, byte for byte as documented. The signature is ECDSA P-256 with
SHA-256, which `Hash-Algorithm=SHA256` announces. Everything but unreserved characters is percent-encoded:
CloudFront verifies the bytes of the request, and S3 decodes them for the key.
"""

import base64
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from urllib.parse import quote

MAX_LIFETIME = timedelta(hours=12)
# A viewer who pauses, seeks and returns must still reach the end.
SLACK = timedelta(hours=1)

# Tavus documents MP4 under a key without an extension. Any other extension is served as MP4 too, because the
# stored type is not documented and a type such as text/html must not reach a browser.
_MP4 = "video/mp4"
_CONTENT_TYPES = {
    ".mp4": _MP4,
    ".webm": "video/webm",
    ".m4a": "audio/mp4",
    ".mp3": "audio/mpeg",
    ".wav": "audio/wav",
    ".m3u8": "application/vnd.apple.mpegurl",
}

_EXTENSION = re.compile(r"\.(?=[0-9]*[A-Za-z])[A-Za-z0-9]{2,5}\Z")
_UNSAFE_IN_NAME = re.compile(r"[^A-Za-z0-9._-]+")

# CloudFront's own alphabet for base64 in a query.
_TO_CLOUDFRONT = bytes.maketrans(b"+=/", b"-_~")


def lifetime(asked: timedelta, duration: float | None) -> timedelta:
    """Return how long a URL is valid: as asked, but at least the recording and an hour, at most 12 hours.

    A recording of unknown duration may last for hours, so its URL is valid for the longest time.
    """
    if duration is None:
        return MAX_LIFETIME
    return min(max(asked, timedelta(seconds=duration) + SLACK), MAX_LIFETIME)


def resource_url(base_url: str, key: str, *, download_name: str | None) -> str:
    """Return the URL to sign: an object, its content type, and a file name if the browser is to save it."""
    overrides = {"response-content-type": _CONTENT_TYPES.get(extension(key), _MP4)}
    if download_name is not None:
        overrides = {"response-content-disposition": f"attachment; filename={download_name}", **overrides}
    query = "&".join(f"{name}={quote(value, safe='-._~')}" for name, value in overrides.items())
    return f"{base_url}/{quote(key, safe='/-._~')}?{query}"


def extension(key: str) -> str:
    """Return a key's extension in lower case, with its dot; `.mp4` if it has none."""
    match = _EXTENSION.search(key)
    return match[0].lower() if match else ".mp4"


def file_name(recording_id: str, key: str) -> str:
    """Return a recording's id with its key's extension. The id may have the extension already."""
    own = _EXTENSION.search(recording_id)
    is_extension = own is not None and own[0].lower() in (*_CONTENT_TYPES, extension(key))
    return (recording_id[: own.start()] if own and is_extension else recording_id) + extension(key)


def download_name(conversation_id: str, recording_id: str, key: str) -> str:
    """Return a file name that needs no quoting anywhere."""
    stem = file_name(recording_id, key).removesuffix(extension(key))
    return _UNSAFE_IN_NAME.sub("-", f"{conversation_id}-{stem}")[:120].strip("-") + extension(key)


def sign_url(url: str, *, expires: datetime, key_id: str, sign: Callable[[bytes], bytes]) -> str:
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
