"""Which URLs can be asked, and which of them a secret may be sent to."""

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from urllib.parse import SplitResult

LOOPBACK = ("127.0.0.1", "::1", "localhost")


def is_sendable(url: str) -> bool:
    """Tell whether a secret may be sent to a URL: over https or to this machine, without a user in it."""
    parts = _parse(url)
    return parts is not None and not parts.username and (parts.scheme == "https" or is_loopback(url))


def is_loopback(url: str) -> bool:
    """Tell whether a URL points to this machine."""
    parts = _split(url)
    return parts is not None and parts.hostname in LOOPBACK


def is_http(url: str) -> bool:
    """Tell whether a URL is an http:// or https:// address that httpx can ask."""
    return _parse(url) is not None


def is_base(url: str) -> bool:
    """Tell whether a URL is an http:// or https:// address to which a path can be added."""
    parts = _parse(url)
    return parts is not None and not parts.username and not parts.query and not parts.fragment


def _parse(url: str) -> "SplitResult | None":
    parts = _split(url)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        return None
    import httpx

    # httpx refuses more, such as 999.1.1.1 and names that are not valid as an IDN; some only when it decodes
    # the name. The socket refuses empty labels and those of more than 63 letters, with a UnicodeError.
    try:
        address = httpx.URL(url)
        host = address.host
        address.raw_host.decode("ascii").encode("idna")
    except (httpx.InvalidURL, UnicodeError):
        return None
    return parts if host else None


def _split(url: str) -> "SplitResult | None":
    """Return the parts of a URL without spaces and with a port that exists."""
    try:
        parts = urlsplit(url)
        is_whole = parts.port != 0 and url.isprintable() and " " not in url
    except ValueError:
        return None
    return parts if is_whole else None
