"""Times: every form that Tavus was seen to write is one moment, and text order is time order."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tavus_callbacks.domain.common.timestamps import iso, parse, to_microseconds

MOMENT = datetime(2025, 7, 11, 6, 48, 37, 564961, tzinfo=UTC)
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds the zone


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2025-07-11T06:48:37.564961Z", MOMENT),
        ("2025-07-11T06:48:37.564961+00:00", MOMENT),
        ("2025-07-11T08:48:37.564961+02:00", MOMENT),
        ("2025-07-11 06:48:37.564961", MOMENT),
        (" 2025-07-11T06:48:37.564961Z ", MOMENT),
        ("2025-07-11T06:48:37.564961999Z", MOMENT),
        ("2025-10-31T21:35:00.000Z", datetime(2025, 10, 31, 21, 35, tzinfo=UTC)),
        ("Tue, 24 Jun 2025 07:23:36 GMT", datetime(2025, 6, 24, 7, 23, 36, tzinfo=UTC)),
        (1752216517.564961, MOMENT),
        ("1752216517.564961", MOMENT),
        (1752216517, MOMENT.replace(microsecond=0)),
        ("1752216517", MOMENT.replace(microsecond=0)),
    ],
)
def test_every_form_seen_is_read_as_one_moment(value, expected):
    """ISO 8601 with Z, offset or no zone, RFC 1123, and epoch seconds as number or text."""
    assert expected == parse(value)


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        "",
        "<timestamp>",
        "yesterday",
        "1999-12-31T23:59:59Z",
        "2100-01-01T00:00:00Z",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
        "2025-13-01T00:00:00Z",
        "Tue, 99 Foo 2025 07:23:36 GMT",
        "Tue, 24 Foo 2025 07:23:36 GMT",
        "\ud83d",
        "\uff12\uff10\uff12\uff15-07-11T06:48:37Z",
        0,
        -1,
        1752216517564,
        "1752216517564",
        10**400,
        float("inf"),
        float("nan"),
        1e300,
        [1752216517],
        {},
    ],
    ids=lambda value: repr(value)[:30],
)
def test_what_is_no_time_of_a_callback_is_none(value):
    """Placeholders, counters, milliseconds and other centuries are not times."""
    assert parse(value) is None


@given(MOMENTS)
def test_a_moment_survives_being_written(moment):
    """A moment that was written is read as itself, to the microsecond."""
    assert moment == parse(iso(moment))
    assert moment == datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=to_microseconds(moment))


@given(MOMENTS, MOMENTS)
def test_the_order_of_texts_is_the_order_of_moments(one, other):
    """Times can be compared as they are written."""
    assert (one < other) is (iso(one) < iso(other))


@given(st.text() | st.integers() | st.floats() | st.lists(st.integers()))
def test_any_value_is_a_time_or_none(value):
    """No value of a body makes reading a time fail."""
    moment = parse(value)

    assert moment is None or moment.tzinfo is UTC
