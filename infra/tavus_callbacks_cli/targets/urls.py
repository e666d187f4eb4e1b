"""Which URLs a secret may be sent to."""

from urllib.parse import urlsplit

LOOPBACK = ("127.0.0.1", "::1", "localhost")


def is_sendable(url: str) -> bool:
    """Tell whether a secret may be sent to a URL: over https or to this machine, without a user in it."""
    try:
        parts = urlsplit(url)
        is_address = bool(parts.hostname and parts.port != 0 and not parts.username)
    except ValueError:
        return False
    return is_address and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(url)))


def is_loopback(url: str) -> bool:
    """Tell whether a URL points to this machine."""
    return urlsplit(url).hostname in LOOPBACK


def is_http(url: str) -> bool:
    """Tell whether a URL is an http:// or https:// address, with a port that exists and without spaces."""
    try:
        parts = urlsplit(url)
        is_address = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return is_address and parts.scheme in ("http", "https") and url.isprintable() and " " not in url
