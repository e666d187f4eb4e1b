"""Deflates bodies for storage, and inflates bodies that were sent as gzip."""

import re
import zlib
from typing import Literal, NamedTuple

from tavus_callbacks.domain.common.errors import NotAnObject

Encoding = Literal["identity", "deflate"]

# Below this many bytes the header of a deflated body costs more than it saves.
_WORTH_DEFLATING = 200
# Above this many bytes a body hardly fits into a row at any level, so time counts: level 1 takes a fifth of
# the default level's time, for a quarter more bytes.
_HURRIED = 64 * 1024

# The most bytes of a callback. Lambda takes events up to 6 MiB, so no uncompressed body is larger ("Lambda
# quotas" in the AWS Lambda developer guide).
LONGEST = 6 * 1024 * 1024
# The most gzip members that `contents` inflates. An empty one takes 6 µs, and 6 MB hold 300,000 of them.
MOST_MEMBERS = 1000

# The first bytes of gzip (RFC 1952, section 2.3.1). No character of UTF-8 begins with the second one.
_GZIP = b"\x1f\x8b"
# Python's gzip module skips NULs between two members (`_GzipReader._read_eof`).
_PADDED = re.compile(rb"\0++\x1f\x8b")
# Formats that zlib reads: gzip alone, or gzip and its own.
_GZIP_ONLY, _ANY_FORM = zlib.MAX_WBITS | 16, zlib.MAX_WBITS | 32
# Bytes that zlib gets at once. It copies what follows a member, so many members would take long.
_PIECE = 4096


class Packed(NamedTuple):
    """A body as it is stored: its bytes, their encoding, and its size in bytes before that."""

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
    """Return the original bytes of a body."""
    return zlib.decompress(data) if encoding == "deflate" else data


def is_gzip(raw: bytes) -> bool:
    """Return whether a body begins as gzip does, so that it cannot be JSON."""
    return raw.startswith(_GZIP)


def inflate(raw: bytes) -> bytes:
    """Return what a gzip body holds, at most LONGEST bytes; raises NotAnObject with the reason.

    zlib stops at the limit, so a small body that would inflate to gigabytes takes no more memory.
    """
    parts, at, left = [], 0, LONGEST + 1
    while at < len(raw):
        if not raw.startswith(_GZIP, at):
            raise NotAnObject("The gzip body has other bytes after its end.")
        try:
            member = _inflate_member(raw, at, _GZIP_ONLY, left)
        except zlib.error:
            raise NotAnObject("The gzip body is damaged.") from None
        parts.append(member.text)
        left -= len(member.text)
        if not left:
            raise NotAnObject("The gzip body is larger than 6 MiB when it is decompressed.")
        if member.end is None:
            raise NotAnObject("The gzip body is incomplete.")
        at = member.end
    return b"".join(parts)


def contents(raw: bytes) -> bytes:
    """Return what a gzip or zlib body holds; nothing for any other body.

    Inflates up to LONGEST bytes and MOST_MEMBERS members, and returns the rest as it is.
    """
    parts: list[bytes] = []
    at, left = 0, LONGEST
    while left and at < len(raw) and len(parts) < MOST_MEMBERS and (at == 0 or raw.startswith(_GZIP, at)):
        try:
            member = _inflate_member(raw, at, _ANY_FORM, left)
        except zlib.error:
            break
        parts.append(member.text)
        left -= len(member.text)
        at = member.end or len(raw)
        if padded := _PADDED.match(raw, at):
            at = padded.end() - len(_GZIP)
    return b"".join([*parts, raw[at:]]) if parts else b""


class _Member(NamedTuple):
    """The content of a member of a compressed body, and where it ends: None if cut off or too large."""

    text: bytes
    end: int | None


def _inflate_member(raw: bytes, start: int, form: int, limit: int) -> _Member:
    """Inflate the member at `start`, at most `limit` bytes; raises zlib.error.

    A gzip body is a sequence of members (RFC 1952, section 2.2).
    """
    stream = zlib.decompressobj(form)
    parts: list[bytes] = []
    for at in range(start, len(raw), _PIECE):
        piece = raw[at : at + _PIECE]
        parts.append(stream.decompress(piece, limit))
        limit -= len(parts[-1])
        if stream.eof:
            return _Member(b"".join(parts), at + len(piece) - len(stream.unused_data))
        if not limit:
            break
    return _Member(b"".join(parts), None)
