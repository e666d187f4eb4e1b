"""Cursors: opaque text that comes back as what it was, or is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tavus_callbacks.domain.common.cursors import BadCursor, decode, encode


@given(st.dictionaries(st.text(), st.text() | st.lists(st.text()) | st.integers()))
def test_a_cursor_needs_no_escaping_and_comes_back(state):
    """A state survives the way through a URL."""
    text = encode(state)

    assert text.replace("-", "").replace("_", "").isalnum()
    assert state == decode(text)


@pytest.mark.parametrize("text", ["", "x", "é", "bm9wZQ", "WzFd", "MQ", "e30x", "W1tbW1tb" * 20_000, "/w"])
def test_what_is_no_cursor_is_refused(text):
    """Garbage, other JSON and endless nesting are all the same error."""
    with pytest.raises(BadCursor):
        decode(text)


@given(st.text())
def test_any_text_is_a_state_or_refused(text):
    """No text makes reading a cursor fail otherwise."""
    try:
        state = decode(text)
    except BadCursor:
        return
    assert isinstance(state, dict)
