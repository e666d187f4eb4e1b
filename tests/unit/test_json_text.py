"""Reading JSON: what no writer could repeat is refused with a sentence, what can be kept is flagged."""

import contextlib
import json
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tavus_callbacks.domain.common import issues
from tavus_callbacks.domain.common.compression import LONGEST
from tavus_callbacks.domain.common.digests import canonical
from tavus_callbacks.domain.common.errors import NotAnObject
from tavus_callbacks.domain.common.json_text import (
    MAX_COUNT,
    MAX_DEPTH,
    MAX_DIGITS,
    children,
    decode,
    parse,
    without_surrogates,
)

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    SCALARS | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
# Texts that a parser yields from a stranger's escapes.
TEXT = st.text("\ud83d\ude00é \U0001f3ac") | st.text()
WITH_SURROGATES = st.recursive(
    SCALARS | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
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
        ('{"a": NaN}', "NaN is not a JSON number"),
        ('{"a": [Infinity]}', "Infinity is not a JSON number"),
        ('{"a": -Infinity}', "-Infinity is not a JSON number"),
        ('{"a": 1e999}', "too large for a 64-bit float"),
        ('{"a": -1e999}', "too large for a 64-bit float"),
        ('{"a": ' + "9" * (MAX_DIGITS + 1) + "}", "more than 4300 digits"),
        ('{"a": 0.' + "9" * MAX_DIGITS + "}", "more than 4300 digits"),
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
    """Deep, long and odd values that JSON allows are accepted, and can be written again."""
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
    """Text that only looks like an escape raises no flag."""
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


@pytest.mark.parametrize(
    ("most", "unit"),
    [
        # The envelope is one object with one member, a list.
        ('{"a":[%s]}', "1"),
        ('{"a":[%s]}', "[ ]"),
        ('{"a":[%s]}', "{}"),
        ('{"a":[%s]}', "[1]"),
        ('{"a":[%s]}', '{"b":"[{,\\\\\\"[,"}'),
    ],
)
def test_a_body_of_over_300_000_parts_is_refused_before_it_is_parsed(most, unit):
    """Objects, lists, members and elements count, whatever stands in strings; one more is one too many."""
    parts = {"1": 1, "[ ]": 2, "{}": 2}.get(unit, 3)
    times = (MAX_COUNT - 3) // parts
    fitting = (most % ",".join([unit] * times)).encode()

    assert fitting.decode() == decode(fitting)
    with pytest.raises(NotAnObject, match="more than 300,000 objects, lists, members and elements"):
        decode(fitting[:-2] + b",[1]]}")


@pytest.mark.parametrize("text", ['"\\"' * 1_500_000, '"' * 6_000_000, "\\" * 6_000_000, "[" * 6_000_000])
def test_counting_takes_no_longer_for_hostile_text(text):
    """Unclosed quotes and runs of backslashes are passed once."""
    started = time.process_time()

    with contextlib.suppress(NotAnObject):
        decode((text[:5_000_000] + "," * 400_000).encode())

    assert time.process_time() - started < 2


def test_commas_and_brackets_of_speech_do_not_count():
    """An ordinary transcript of 5.9 MB is not a hostile body, whatever people said in it."""
    turns = [
        {"role": "user", "content": "yes, no: [1,2], {3}, " * 6, "start": n, "end": n} for n in range(30_000)
    ]
    raw = json.dumps({"a": turns}).encode()

    assert raw.decode() == decode(raw)
    assert len(raw) > 5_500_000


@given(WITH_SURROGATES)
def test_replacing_surrogates_is_writing_and_reading_again(value):
    """Only what holds half a pair is copied; the result is that of replacing them in the text."""
    written = json.dumps(value, ensure_ascii=False)
    replaced = re.sub("[\ud800-\udfff]", "\ufffd", written)
    clean = without_surrogates(value)

    assert json.loads(replaced) == clean
    assert (clean is value) == (replaced == written)


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
