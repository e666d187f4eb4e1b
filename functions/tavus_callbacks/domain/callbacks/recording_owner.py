"""Where a recording callback says that the recording is stored, and which conversation owns that place.

A callback can name any bucket and any key, so both are untrusted.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard
from urllib.parse import unquote

from tavus_callbacks.domain.callbacks.event_types import COPY_FAILED, RECORDING
from tavus_callbacks.domain.callbacks.families import properties_of

STORAGE_CONFLICT = "storage_conflict"
MAX_KEY_BYTES = 1024  # S3's own limit
# Case-sensitive: the ids of recordings are made without it, and stored ids must not change.
SUFFIX = ".mp4"
# Tavus writes `tavus/<conversation>/<name>.mp4`.
LAYOUT = re.compile(r"tavus/(?P<conversation>[^/]+)/(?P<name>[^/]+)")

_PROVIDERS = {"s3": "s3", "gs": "gcs", "gcs": "gcs", "azure_blob": "azure_blob", "azure": "azure_blob"}

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a body says that a recording is stored; any part may be missing or hostile.

    `is_address` marks a URL whose scheme names no provider, such as Azure's `https://…`.
    """

    provider: str
    bucket: str | None
    key: str | None
    is_address: bool = False


def read_place(properties: Body, bucket: str) -> tuple[Place, tuple[str, ...]]:
    """Return the place that a recording callback names, and an issue if its two forms contradict.

    If two places differ, the usable one in `bucket`, the stack's own bucket, wins.
    """
    places = possible_places(properties)

    def merit(place: Place) -> tuple[bool, bool, bool, bool]:
        # An address can escape the key or carry a query. A pair without a bucket says less than other URIs.
        return is_usable(place.key), not place.is_address, place.bucket == bucket, place.bucket is not None

    return max(places, key=merit), (STORAGE_CONFLICT,) if len(places) > 1 else ()


def possible_places(properties: Body) -> tuple[Place, ...]:
    """Return the place that a recording callback names, or two places if its two forms contradict."""
    pair, uri = _read_pair(properties), _read_uri(properties)
    if pair is None or uri is None:
        return (pair or uri or Place(_read_provider(properties), None, None),)
    if _is_address_of(uri, pair):
        return (pair,)
    if pair.key == uri.key and pair.bucket in (None, uri.bucket):
        return (uri,)
    return pair, uri


def names_other_folder(event_type: str, conversation_id: str, body: Body) -> bool:
    """Return whether a recording callback names an S3 key in another conversation's folder, in any bucket."""
    if event_type not in (RECORDING, COPY_FAILED):
        return False
    properties = properties_of(body)
    places = filter(None, (_read_pair(properties), _read_uri(properties)))
    keys = [place.key for place in places if place.provider == "s3"]
    return any(is_usable(key) and belongs_to_other(key, conversation_id) for key in keys)


def conversation_of(key: str) -> str | None:
    """Return the conversation whose folder contains a key, or None outside `tavus/<conversation>/…`."""
    layout = LAYOUT.fullmatch(key.removesuffix(SUFFIX))
    return layout["conversation"] if layout and is_usable(key) else None


def owner_of(key: str) -> str | None:
    """Return the conversation that owns a key: `tavus/<id>/…` at any depth belongs to `<id>`."""
    folder, _, rest = key.partition("/")
    conversation, separator, _ = rest.partition("/")
    return conversation if folder == "tavus" and separator else None


def belongs_to_other(key: str | None, conversation_id: str) -> bool:
    """Return whether a key is in the folder of another conversation."""
    return key is not None and owner_of(key) not in (None, conversation_id)


def is_unowned(key: str | None) -> TypeGuard[str]:
    """Return whether a key is outside of all folders, so that only claims decide its owner."""
    return key is not None and owner_of(key) is None


def is_usable(key: object) -> TypeGuard[str]:
    """Return whether a value can be an object key: 1 to 1,024 bytes, no URL, no dot segments, printable."""
    return (
        isinstance(key, str)
        and key.isprintable()
        and key != ""
        and max(len(key.encode()), len(other_form(key).encode())) <= MAX_KEY_BYTES
        and not key.startswith("/")
        and ":" not in key.partition("/")[0]
        and not any(part in (".", "..") for part in key.split("/"))
    )


def other_form(key: str) -> str:
    """Return the same key with `.mp4` added or removed: Tavus sometimes omits it."""
    return key.removesuffix(SUFFIX) if key.endswith(SUFFIX) else key + SUFFIX


def _is_address_of(uri: Place, pair: Place) -> bool:
    """Return whether a URL ends with the pair's key; its path may begin with container and bucket."""
    path = f"/{uri.key}"
    forms = (path, unquote(path.partition("?")[0]))
    return uri.is_address and any(form.endswith(f"/{pair.key}") for form in forms)


def _read_pair(properties: Body) -> Place | None:
    key = _read_text(properties, "s3_key")
    if key is None:
        return None
    return Place(_read_provider(properties), _read_text(properties, "bucket_name"), key)


def _read_uri(properties: Body) -> Place | None:
    """Read `s3://bucket/key` or `gs://…`; `storage_provider` decides if the scheme names no provider."""
    uri = _read_text(properties, "storage_uri")
    if uri is None:
        return None
    scheme, separator, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    provider = _PROVIDERS.get(scheme.lower()) if separator else None
    return Place(
        provider or _read_provider(properties), bucket or None, key or None, is_address=provider is None
    )


def _read_provider(properties: Body) -> str:
    sent = _read_text(properties, "storage_provider")
    if sent is not None:
        return _PROVIDERS.get(sent.lower(), "unknown")
    scheme, separator, _ = (_read_text(properties, "storage_uri") or "").partition("://")
    return _PROVIDERS.get(scheme.lower(), "unknown") if separator else "s3"


def _read_text(properties: Body, name: str) -> str | None:
    value = properties.get(name)
    return value if isinstance(value, str) and value else None
