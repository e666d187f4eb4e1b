"""Lenient reading: what is there is found, what is not there is None, and nothing raises."""

import json

import pytest
from folding import JSON
from hypothesis import given
from hypothesis import strategies as st

import corpus
from tavus_callbacks.domain.common import lenient_json
from tavus_callbacks.domain.common.json_text import without_surrogates


def test_an_event_says_its_members_in_any_of_three_places():
    """Properties before the top level before `data`, and a blank never hides what is said elsewhere."""
    body = {
        "event_type": "system.shutdown",
        "conversation_id": "c1",
        "reason": "flat",
        "replica_id": "r1",
        "properties": {"reason": " ", "replica_id": "r2", "face_id": None},
        "data": {"reason": "data", "face_id": "f1"},
    }

    assert {"reason": "flat", "replica_id": "r2", "face_id": "f1"} == lenient_json.members(body)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(" a ", "a"), ("", None), (" \n", None), (None, None), (7, None), (["a"], None)],
)
def test_text_is_text_with_something_in_it(value, expected):
    """Neither blank nor anything else passes for text."""
    assert expected == lenient_json.text(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *((14, 14.0), ("14", 14.0), (2.5, 2.5), (True, None), ("soon", None), ("nan", None), ("1e999", None)),
        *((10**400, None), (None, None), ([], None)),
    ],
)
def test_a_number_is_finite(value, expected):
    """Also where it is written as text, as durations were."""
    assert expected == lenient_json.number(value)


@pytest.mark.parametrize(("value", "expected"), [(0, 0.0), (86_400, 86_400.0), (86_401, None), (-1, None)])
def test_a_span_is_within_a_day(value, expected):
    """Beyond, it is a number of another kind."""
    assert expected == lenient_json.seconds(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ('{"a": [1, 2.5]}', {"a": [1, 2.5]}),
        (' ["dog"]', ["dog"]),
        ({"a": 1}, {"a": 1}),
        ('{"a": "\\ud83d"}', {"a": "\ufffd"}),
    ],
)
def test_json_in_text_is_parsed(value, expected):
    """Objects and arrays come as text inside of bodies."""
    assert expected == lenient_json.parse_embedded(value)


@pytest.mark.parametrize(
    "value",
    [
        "5",
        "text",
        "[1",
        "[NaN]",
        "[-Infinity]",
        "[1e999]",
        "[" * 101 + "]" * 101,
        "[" * 100_000,
        f"[{'9' * 5000}]",
    ],
)
def test_what_json_cannot_write_again_stays_text(value):
    """No constant, no number beyond what a float holds, no depth that exhausts a stack."""
    assert value == lenient_json.parse_embedded(value)


@given(JSON)
def test_whatever_is_read_can_be_written_again(value):
    """As strict JSON in UTF-8."""
    found = [lenient_json.parse_embedded(one) for one in (value, json.dumps(value))]

    json.dumps([*map(without_surrogates, found)], allow_nan=False, ensure_ascii=False).encode()


def shape(value):
    """Return a value with types, because `1 == 1.0 == True`, and with the order of members."""
    if isinstance(value, dict):
        return [(name, shape(member)) for name, member in value.items()]
    return [shape(item) for item in value] if isinstance(value, list) else (type(value), repr(value))


def assert_parsed_as_by_python(raw):
    """Compare a stored body with what Python's parser makes of it."""
    expected = without_surrogates(json.loads(raw.decode("utf-8-sig")))

    assert shape(expected) == shape(lenient_json.parse_stored_body(raw))


@given(JSON, JSON, st.booleans(), st.sampled_from([None, 1]))
def test_a_stored_body_is_what_pythons_parser_makes_of_it(value, other, is_ascii, indent):
    """Values, types and order are the same, with repeated keys and halves of surrogate pairs too."""
    texts = [json.dumps(each, ensure_ascii=is_ascii, indent=indent) for each in (value, other)]

    assert_parsed_as_by_python(
        f'{{"a": {texts[0]}, "b": {texts[1]}, "a": {texts[1]}}}'.encode("utf-8", "replace")
    )


@pytest.mark.parametrize(
    "text",
    [
        *("1e400", "-0", "-0.0", "1E+2", "5e-324", "0.1e1", "123456789.123456789012345678901234567890"),
        *("NaN", "-Infinity", "9" * 4300, "-" + "9" * 25, '"\\u0000\\u001f\\/"', '"\\ud83d\\ude00"'),
        *(
            '"\\ud83dx"',
            '"\\ude00\\ud83d"',
            '{"\\ud83d": 1, "\\ude00": 2}',
            "[" * 150 + "]" * 150,
            "[" * 300 + "]" * 300,
        ),
    ],
)
def test_odd_stored_values_are_read_as_python_reads_them(text):
    """With and without a byte order mark, and beyond what intake accepts today."""
    for mark in ("", "\ufeff"):
        assert_parsed_as_by_python(f'{mark}{{"a":{text}}}'.encode())


def test_every_published_body_is_read_as_python_reads_it():
    """The published bodies that are JSON objects give the same values."""
    bodies = [path.read_bytes() for path in corpus.files().values() if path.suffix == ".json"]

    for raw in bodies:
        assert_parsed_as_by_python(raw)

    assert len(bodies) > 50
