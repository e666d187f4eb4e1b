"""What a token looks like, so that garbage is refused without asking the store.

`tcb_` + 22 base62 digits of randomness (131 bits) + 6 base62 digits of CRC-32. The prefix makes a leaked
one findable by secret scanners and redactable here; base62 needs no escaping in URL, JSON or shell.
"""

import hashlib
import re
import secrets
import zlib
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

if TYPE_CHECKING:
    from tavus_callbacks.domain.errors import Refusal

Scope = Literal["callback", "read", "quarantine"]
SCOPES: tuple[Scope, ...] = get_args(Scope)

PATTERN = re.compile(r"tcb_[0-9A-Za-z]{28}")

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_PREFIX = "tcb_"
_RANDOM, _CHECKSUM = 22, 6


def _base62(number: int, width: int) -> str:
    digits = ""
    for _ in range(width):
        number, digit = divmod(number, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return digits


def _checksum(randomness: str) -> str:
    return _base62(zlib.crc32(randomness.encode()), _CHECKSUM)


def new_token() -> str:
    """Make a token with 131 bits from the system's source of randomness."""
    randomness = "".join(secrets.choice(_DIGITS) for _ in range(_RANDOM))
    return _PREFIX + randomness + _checksum(randomness)


def is_well_formed(token: str) -> bool:
    """Tell whether prefix, length, digits and checksum fit; says nothing of whether it is known."""
    if not PATTERN.fullmatch(token):
        return False
    randomness, checksum = token[len(_PREFIX) : -_CHECKSUM], token[-_CHECKSUM:]
    return secrets.compare_digest(_checksum(randomness), checksum)


def digest(token: str) -> str:
    """Return the SHA-256 in hexadecimal: all that is ever kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


class TokenRecord(NamedTuple):
    """What the store knows of a token; times are ISO 8601 UTC, compared as text."""

    digest: str
    label: str
    scope: Scope
    created_at: str
    expires_at: str | None = None
    revoked_at: str | None = None

    @property
    def token_id(self) -> str:
        """Return the short name under which logs and last use speak of the token."""
        return self.digest[:12]

    def is_live(self, now: str) -> bool:
        """Tell whether it is accepted at `now`."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    def refusal(self, scope: Scope, now: str) -> "Refusal | None":
        """Return why it is not accepted for a scope at `now`, or None where it is."""
        if self.scope != scope:
            return "scope"
        if self.is_live(now):
            return None
        return "expired" if self.revoked_at is None else "revoked"
