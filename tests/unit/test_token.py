"""Tokens: unguessable, recognisable, and refused by their checksum without asking anybody."""

import string
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samples import TOKEN
from tavus_callbacks.domain.common.token import PATTERN, TokenRecord, digest_token, is_well_formed, new_token

BASE62 = string.digits + string.ascii_letters


def test_a_new_token_is_well_formed_and_recognisable():
    """Prefix, 131 bits and checksum: what redaction and secret scanners look for."""
    assert is_well_formed(TOKEN)
    assert PATTERN.fullmatch(TOKEN)
    assert len(BASE62) ** 22 > 2**128


def test_new_tokens_differ():
    """No two tokens are alike."""
    assert len({new_token() for _ in range(1000)}) == 1000


@given(st.integers(4, len(TOKEN) - 1), st.sampled_from(BASE62))
def test_one_wrong_character_is_seen(place, character):
    """The checksum tells a mistyped token from a real one."""
    mistyped = TOKEN[:place] + character + TOKEN[place + 1 :]

    assert (mistyped == TOKEN) is is_well_formed(mistyped)


@pytest.mark.parametrize(
    "garbage",
    [
        "",
        "tcb_",
        TOKEN[:-1],
        TOKEN + "0",
        TOKEN + "\n",
        " " + TOKEN,
        TOKEN.upper(),
        "tcb_" + "é" * 28,
        "\x00",
    ],
)
def test_garbage_is_not_well_formed(garbage):
    """Text of another form than our tokens is refused by its looks."""
    assert not is_well_formed(garbage)


@given(st.text())
def test_any_text_can_be_asked(text):
    """No text makes the check fail."""
    assert is_well_formed(text) is False


def test_a_digest_tells_nothing_of_its_token():
    """The store has a SHA-256, 64 digits that no part of the token is in."""
    assert len(digest_token(TOKEN)) == 64
    assert TOKEN not in digest_token(TOKEN)


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ({}, True),
        ({"expires_at": "2026-01-01T00:00:00.000001Z"}, True),
        ({"expires_at": "2026-01-01T00:00:00.000000Z"}, False),
        ({"expires_at": "2025-12-31T00:00:00.000000Z"}, False),
        ({"revoked_at": "2027-01-01T00:00:00.000000Z"}, False),
        ({"revoked_at": "2025-01-01T00:00:00.000000Z", "expires_at": "2027-01-01T00:00:00.000000Z"}, False),
    ],
)
def test_a_token_lives_until_it_expires_or_is_revoked(times, expected):
    """From the moment of expiry on, and once revoked at all, a token is dead."""
    record = TokenRecord("d" * 64, "label", "callback", "2025-01-01T00:00:00.000000Z", **times)

    assert expected is record.is_live(datetime(2026, 1, 1, tzinfo=UTC))


def test_a_token_is_spoken_of_by_the_start_of_its_digest():
    """Logs name a token by twelve digits of its digest."""
    assert TokenRecord(digest_token(TOKEN), "l", "read", "").token_id == digest_token(TOKEN)[:12]
