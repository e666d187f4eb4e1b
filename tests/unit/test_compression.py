"""Bodies: kept smaller where that pays, and always the same bytes again."""

import gzip
import time
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tavus_callbacks.domain.common.compression import (
    LONGEST,
    MOST_MEMBERS,
    contents,
    inflate,
    is_gzip,
    pack,
    unpack,
)
from tavus_callbacks.domain.common.errors import NotAnObject


@given(
    st.binary(max_size=1000) | st.text(min_size=100).map(lambda text: text.encode("utf-8", "replace") * 10)
)
def test_a_body_comes_back_byte_for_byte(raw):
    """Whatever the encoding, what was packed is what is unpacked, and its size is known."""
    packed = pack(raw)

    assert raw == unpack(packed.data, packed.encoding)
    assert len(raw) == packed.size
    assert len(packed.data) <= len(raw)


def test_a_long_body_is_deflated_and_a_short_one_is_not():
    """A header that costs more than it saves is not paid for."""
    assert ("deflate", "identity") == (pack(b"a" * 1000).encoding, pack(b"a" * 100).encoding)


@given(st.binary(max_size=2000))
def test_a_gzip_body_is_inflated_whole_or_refused(raw):
    """Every beginning of one, and one with something behind it, is refused with a sentence."""
    packed = gzip.compress(raw)

    assert is_gzip(packed)
    assert raw == inflate(packed)
    for broken in (packed[:-1], packed[: len(packed) // 2], packed[:2], packed + b"x", packed + packed[:-1]):
        with pytest.raises(
            NotAnObject, match=r"The gzip body (is incomplete|has other bytes after its end)\."
        ):
            inflate(broken)


@given(st.lists(st.binary(max_size=9000), min_size=2, max_size=4))
def test_a_gzip_body_of_several_members_is_inflated_whole(parts):
    """RFC 1952 lets members follow each other; whoever reads the first alone loses the rest."""
    packed = b"".join(map(gzip.compress, parts))

    assert b"".join(parts) == inflate(packed) == contents(packed)


def test_many_members_are_inflated_in_time_that_grows_with_their_number():
    """Each copies what stands behind it, so that a whole body at once would take minutes."""
    packed = gzip.compress(b"") * 50_000
    started = time.process_time()

    assert b"" == inflate(packed)
    assert time.process_time() - started < 10


def test_members_are_searched_up_to_their_limit():
    """A body of a million empty members takes no seconds; those behind the limit stay as they came."""
    first, last = gzip.compress(b"first"), gzip.compress(b"last")

    assert b"first" + last == contents(first + gzip.compress(b"") * (MOST_MEMBERS - 1) + last)
    assert b"firstlast" == contents(first + gzip.compress(b"") * (MOST_MEMBERS - 2) + last)


def test_contents_are_inflated_up_to_the_size_of_a_plain_body():
    """A small body that inflates to 16 MB is searched no longer than one that came plain."""
    assert LONGEST == len(contents(zeros(16_000_000)))


def test_a_limit_counts_all_members():
    """Two halves of a bomb are a bomb."""
    half = zeros(LONGEST // 2)

    assert LONGEST == len(inflate(half + half))
    with pytest.raises(NotAnObject, match="larger than 6 MiB"):
        inflate(half + half + gzip.compress(b"0"))


@pytest.mark.parametrize("raw", [b"", b"nope", b"x"])
def test_what_is_not_compressed_has_no_contents(raw):
    """An empty body ends the search, too."""
    assert b"" == contents(raw)


def test_a_damaged_gzip_body_is_refused():
    """Its checksum is read."""
    packed = bytearray(gzip.compress(b"a" * 1000))
    packed[-6] ^= 1

    with pytest.raises(NotAnObject, match=r"The gzip body is damaged\."):
        inflate(bytes(packed))


def zeros(size):
    """Return a gzip body of so many zeros, without ever holding them."""
    stream = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    parts = [stream.compress(bytes(1024 * 1024)) for _ in range(size // (1024 * 1024))]
    return b"".join([*parts, stream.compress(bytes(size % (1024 * 1024))), stream.flush()])


def test_a_body_is_inflated_up_to_the_size_of_a_plain_one():
    """6 MiB is what Lambda takes; one byte more is refused."""
    assert LONGEST == len(inflate(zeros(LONGEST)))
    with pytest.raises(NotAnObject, match="larger than 6 MiB"):
        inflate(zeros(LONGEST + 1))


def test_a_bomb_takes_no_more_memory_than_the_limit():
    """200 MB in 200 KB: zlib stops at the limit, of which it holds a copy while it joins its blocks."""
    bomb = zeros(200 * 1024 * 1024)
    tracemalloc.start()
    try:
        with pytest.raises(NotAnObject, match="larger than 6 MiB"):
            inflate(bomb)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert len(bomb) < 300_000
    assert peak < 3 * LONGEST
