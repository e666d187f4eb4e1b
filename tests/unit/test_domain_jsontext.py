"""Reading JSON: what no writer could repeat is refused with a sentence, what can be kept is flagged."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tavus_callbacks.domain import issues
from tavus_callbacks.domain.body import LONGEST
from tavus_callbacks.domain.errors import NotAnObject
from tavus_callbacks.domain.jsontext import MAX_DEPTH, MAX_DIGITS, canonical, children, decode, parse

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    SCALARS | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def nested(levels, inner="1"):
    """Write an object that is nested so many levels deep."""
    return '{"a":' * (levels - 1) + "{" + f'"a":{inner}' + "}" * levels


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is empty"),
        (" \n\t", "is empty"),
        ("\ufeff", "is empty"),
        ("nope", "is not JSON"),
        ('{"a": 1,}', "is not JSON"),
        ('{"a": 1} x', "is not JSON: Extra data at line 1, column 10"),
        ("{'a': 1}", "is not JSON"),
        ('{"a": "\n"}', "is not JSON: Invalid control character"),
        ('{"a": "\\x"}', "is not JSON: Invalid \\escape"),
        ('{"a": 01}', "is not JSON"),
        ('{"a": 1 // why\n}', "is not JSON"),
        ("[]", "is a JSON array"),
        ('["a"]', "is a JSON array"),
        ('"a"', "is a JSON string"),
        ("7", "is a JSON number"),
        ("7.5", "is a JSON number"),
        ("true", "is a JSON boolean"),
        ("null", "is null"),
        ('{"a": NaN}', "NaN is no JSON number"),
        ('{"a": [Infinity]}', "Infinity is no JSON number"),
        ('{"a": -Infinity}', "-Infinity is no JSON number"),
        ('{"a": 1e999}', "beyond what a 64-bit float can hold"),
        ('{"a": -1e999}', "beyond what a 64-bit float can hold"),
        ('{"a": ' + "9" * (MAX_DIGITS + 1) + "}", "over 4300 digits"),
        ('{"a": 0.' + "9" * MAX_DIGITS + "}", "over 4300 digits"),
        (nested(MAX_DEPTH + 1), "deeper than 100 levels"),
        (nested(100_000), "deeper than 100 levels"),
        ('{"a":' + "[" * 100_000, "deeper than 100 levels"),
        (nested(MAX_DEPTH, "[]"), "deeper than 100 levels"),
    ],
    ids=lambda value: value[:40],
)
def test_what_is_no_json_object_is_refused_with_its_reason(text, reason):
    """Each fault is named in words that its sender understands."""
    with pytest.raises(NotAnObject) as refusal:
        parse(text)

    assert reason in str(refusal.value)


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        ' {"a": 1}\r\n',
        nested(MAX_DEPTH),
        '{"a": [' + "{}," * 500 + "{}]}",
        '{"a": ' + "9" * MAX_DIGITS + "}",
        '{"a": "\\ud83d\\ude00 \U0001f600 \\u0000"}',
        '{"a": 1e-999, "b": -0, "c": 1E5}',
    ],
    ids=lambda value: value[:40],
)
def test_what_is_a_json_object_raises_no_flag(text):
    """Deep, long and odd values that JSON allows are as good as others, and can be written again."""
    document = parse(text)

    assert () == document.issues
    assert json.loads(canonical(document.sent)) == document.sent


def test_a_byte_order_mark_is_flagged_and_skipped():
    """A BOM before the object changes nothing but the flag."""
    document = parse('\ufeff{"a": 1}')

    assert ((issues.BYTE_ORDER_MARK,), {"a": 1}) == (document.issues, document.sent)


@pytest.mark.parametrize(
    ("text", "sent", "repeated"),
    [
        ('{"a": 1, "b": 2, "a": 3}', {"a": 3, "b": 2}, {"a": [1, 3]}),
        ('{"a": 1, "a": 1}', {"a": 1}, {"a": [1, 1]}),
        ('{"p": {"a": 1, "a": 2}}', {"p": {"a": 2}}, {}),
        ('{"p": [{"a": 1, "a": 2}], "q": {}}', {"p": [{"a": 2}], "q": {}}, {}),
    ],
)
def test_of_doubled_keys_the_last_counts_and_all_are_flagged(text, sent, repeated):
    """A key given twice is flagged wherever it is; on the top level its values are known."""
    document = parse(text)

    assert ((issues.REPEATED_KEY,), sent, repeated) == (document.issues, document.sent, document.repeated)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ('{"a": "cut \\ud83d"}', {"a": "cut \ufffd"}),
        ('{"a": ["\\uDE00 tail"]}', {"a": ["\ufffd tail"]}),
        ('{"\\ud83dkey": 1}', {"\ufffdkey": 1}),
    ],
)
def test_half_a_surrogate_pair_is_flagged_and_typed_as_replacement(text, clean):
    """A cut emoji stays in what was sent, and is a replacement character where text must be valid."""
    document = parse(text)

    assert (issues.UNPAIRED_SURROGATE,) == document.issues
    assert clean == document.clean
    assert json.loads(text) == document.sent


def test_an_escaped_backslash_before_a_surrogate_is_no_surrogate():
    """What only looks like an escape raises no flag."""
    assert () == parse('{"a": "\\\\ud83d"}').issues


@pytest.mark.parametrize("raw", [b"\xff{}", b'{"a": "\x80"}', b"\xed\xa0\xbd", "é".encode("latin-1")])
def test_bytes_that_are_no_utf_8_are_refused_by_their_place(raw):
    """The first byte that cannot be read is named."""
    with pytest.raises(NotAnObject, match=r"not UTF-8: byte \d+ cannot be read"):
        decode(raw)


def test_a_body_larger_than_lambda_takes_is_refused():
    """Only one that was compressed can be; it could not be read back."""
    assert LONGEST == len(decode(b"a" * LONGEST))
    with pytest.raises(NotAnObject, match="larger than 6 MiB"):
        decode(b"a" * (LONGEST + 1))


@given(JSON)
def test_canonical_text_of_a_value_can_be_read_again(value):
    """Whatever value is written canonically is ASCII, and reads as the value."""
    written = canonical(value)

    assert written.isascii()
    assert canonical(json.loads(written)) == written


@given(st.dictionaries(st.text(), JSON), st.randoms())
def test_canonical_text_ignores_the_order_of_keys(value, random):
    """Equal objects are equal text, whatever order their members came in."""
    members = list(value.items())
    random.shuffle(members)

    assert canonical(value) == canonical(dict(members))


@given(JSON)
def test_only_objects_are_accepted(value):
    """Any JSON value is either an object, kept as it is, or refused."""
    try:
        document = parse(json.dumps(value))
    except NotAnObject:
        assert not isinstance(value, dict)
    else:
        assert value == document.sent


def test_children_are_the_values_alone():
    """Objects and lists are walked alike."""
    assert [1, 2] == list(children({"a": 1, "b": 2})) == list(children([1, 2]))
