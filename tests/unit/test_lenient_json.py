"""Lenient reading: what is there is found, what is not there is None, and nothing raises."""

import json

import pytest
from folding import JSON
from hypothesis import given

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
