"""The target of pushes: https on a public address, so that no URL reaches an internal service.

`ipaddress.is_global` alone is not enough. It accepts multicast and IPv6 site-local addresses, and it does not
look into addresses that embed another one (IPv4-mapped, NAT64, 6to4, Teredo).
"""

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

_HTTPS, _HTTP = 443, 80

# The only IPv6 addresses that IANA assigns. Addresses outside that embed IPv4 need no rule of their own.
_UNICAST = ipaddress.ip_network("2000::/3")
_NOT_PUBLIC = tuple(
    map(
        ipaddress.ip_network,
        (
            "192.0.0.0/24",  # protocol assignments; some Pythons count a few as public
            "192.88.99.0/24",  # 6to4 relays
            "2001::/23",  # protocol assignments, including Teredo
            "2002::/16",  # 6to4
            "3fff::/20",  # documentation, newer than some Pythons
        ),
    )
)


class TargetRefused(Exception):
    """Pushes may not go to this target. The text says why and names at most its host."""


@dataclass(frozen=True, slots=True)
class Target:
    """A parsed URL: `host` is in the certificate, `path` has the query, `authority` is the Host header."""

    scheme: str
    host: str
    port: int
    authority: str
    path: str


def parse_target(url: str, *, is_local: bool) -> Target:
    """Parse a URL; raises TargetRefused. `is_local` accepts http too."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise TargetRefused("it is not a URL") from None
    if not (url.isascii() and url.isprintable()):
        raise TargetRefused(
            "it is not plain ASCII: write other characters percent-encoded, names in punycode"
        )
    if parts.scheme not in ("https", *(("http",) if is_local else ())):
        raise TargetRefused("it is not https")
    if not parts.hostname or parts.username is not None or parts.password is not None:
        raise TargetRefused("it has no host, or a user name")
    return Target(
        scheme=parts.scheme,
        host=parts.hostname,
        port=port or (_HTTPS if parts.scheme == "https" else _HTTP),
        authority=parts.netloc,
        path=(parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
    )


def with_tags(url: str, tags: dict[str, str]) -> str:
    """Return a URL with tags in its query, as in a callback URL."""
    if not tags:
        return url
    parts = urlsplit(url)
    return parts._replace(query="&".join(filter(None, (parts.query, urlencode(tags))))).geturl()


def is_public(address: str) -> bool:
    """Return whether an IP address belongs to the public internet."""
    ip = ipaddress.ip_address(address)
    if ip.version == _UNICAST.version and ip not in _UNICAST:
        return False
    is_special = ip.is_multicast or any(
        ip in network for network in _NOT_PUBLIC if network.version == ip.version
    )
    return ip.is_global and not is_special


def is_loopback(address: str) -> bool:
    """Return whether an IP address is this machine."""
    return ipaddress.ip_address(address).is_loopback
