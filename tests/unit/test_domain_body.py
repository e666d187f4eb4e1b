"""Bodies: kept smaller where that pays, and always the same bytes again."""

from hypothesis import given
from hypothesis import strategies as st

from tavus_callbacks.domain.body import pack, unpack


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
