"""SHA-256 digests in hexadecimal, shortened to what their use needs."""

import hashlib
import json
from collections.abc import Iterable

# Hexadecimal digits of a whole digest, and of the 128 bits that names and identities have.
WHOLE, NAME = 64, 32

_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


def digest(content: str | bytes, length: int = NAME) -> str:
    """Return the first `length` hexadecimal digits; a lone half of a surrogate pair counts as it is."""
    data = content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
    return hashlib.sha256(data).hexdigest()[:length]


def digest_pieces(pieces: Iterable[bytes], length: int = NAME) -> str:
    """Return the digest of pieces one after another, without a copy of the whole."""
    whole = hashlib.sha256()
    for piece in pieces:
        whole.update(piece)
    return whole.hexdigest()[:length]


def canonical(value: object) -> str:
    """Write JSON so that equal content is equal text: sorted keys, no white space, ASCII."""
    return _canonical(value)


def digest_json(value: object, length: int = NAME) -> str:
    """Return the digest of a value's canonical JSON."""
    return hashlib.sha256(_canonical(value).encode()).hexdigest()[:length]
