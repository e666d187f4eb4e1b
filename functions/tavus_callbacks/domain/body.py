"""How a body is kept: as text, deflated where that pays."""

import zlib
from typing import Literal, NamedTuple

Encoding = Literal["identity", "deflate"]

# Below this many bytes the header of a deflated body costs more than it saves.
_WORTH_DEFLATING = 200
# Above this many bytes a body hardly fits into a row however it is deflated, so that time counts: level 1
# takes a fifth of the usual level's, for a quarter more bytes.
_HURRIED = 64 * 1024


class Packed(NamedTuple):
    """A body as it is stored: its bytes, how they are encoded, and the size it had, in bytes."""

    data: bytes
    encoding: Encoding
    size: int


def pack(raw: bytes) -> Packed:
    """Encode a body for storage."""
    if len(raw) > _WORTH_DEFLATING:
        deflated = zlib.compress(raw, 1 if len(raw) > _HURRIED else zlib.Z_DEFAULT_COMPRESSION)
        if len(deflated) < len(raw):
            return Packed(deflated, "deflate", len(raw))
    return Packed(raw, "identity", len(raw))


def unpack(data: bytes, encoding: Encoding) -> bytes:
    """Return the body's own bytes."""
    return zlib.decompress(data) if encoding == "deflate" else data
