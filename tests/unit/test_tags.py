"""Tags: the query of the callback URL, as far as its limits go; what goes beyond is flagged."""

from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from encodings_of_tokens import FOUND
from samples import TOKEN
from tavus_callbacks.domain.common.issues import TAG_DROPPED
from tavus_callbacks.domain.common.tags import MAX_LENGTH, MAX_TAGS, is_tagged, parse_tags, tag_query

TEN = {f"n{number}": str(number) for number in range(MAX_TAGS)}
LONG = "x" * MAX_LENGTH


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", {}),
        ("user=4711", {"user": "4711"}),
        ("user=4711&plan=gold", {"user": "4711", "plan": "gold"}),
        ("empty=&bare", {"empty": "", "bare": ""}),
        ("name=J%C3%B6rg+Doe&place=%E6%9D%B1%E4%BA%AC", {"name": "Jörg Doe", "place": "東京"}),
        ("a=1%262&b=c%3Dd", {"a": "1&2", "b": "c=d"}),
        (urlencode(TEN), TEN),
        (f"{LONG}={LONG}", {LONG: LONG}),
        ("emoji=%F0%9F%8E%AC", {"emoji": "🎬"}),
    ],
)
def test_a_query_within_the_limits_becomes_tags(query, expected):
    """At most 10 parameters of at most 100 characters are kept, decoded."""
    tagged = parse_tags(query)

    assert (expected, ()) == (tagged.values, tagged.issues)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (urlencode({**TEN, "eleventh": "x"}), TEN),
        (f"{LONG}x=1&user=1", {"user": "1"}),
        (f"long={LONG}x&user=1", {"user": "1"}),
        ("a=1&a=2", {"a": "1"}),
        ("=nameless", {}),
        ("line=a%0Ab", {}),
        ("nul=%00", {}),
        ("colour=%1B%5B31m", {}),
        (f"t={TOKEN}&user=1", {"user": "1"}),
        (f"{TOKEN}=x", {}),
    ],
)
def test_a_parameter_beyond_the_limits_is_dropped_and_flagged(query, expected):
    """Too many, too long, doubled, unprintable, or a token: not kept, and said so."""
    tagged = parse_tags(query)

    assert (expected, (TAG_DROPPED,)) == (tagged.values, tagged.issues)


@pytest.mark.parametrize("written", [each for examples in FOUND.values() for each in examples])
def test_a_tag_that_looks_like_a_token_is_dropped(written):
    """Shortened or encoded, as a name or as a value, in the clear or as the URL writes it."""
    for text in (written, quote(written)):
        for query in (f"{text}=1&user=4711", f"t=see-{text}&user=4711"):
            assert ({"user": "4711"}, (TAG_DROPPED,)) == (parse_tags(query).values, parse_tags(query).issues)
            assert parse_tags(tag_query(query)).values == {"user": "4711"}


def test_a_query_can_be_kept_as_its_tags_alone():
    """A callback that waits to be stored carries tags, and nothing else of its URL."""
    query = tag_query(f"t={TOKEN}&user=4711&line=%0A&name=J%C3%B6rg")

    assert {"user": "4711", "name": "Jörg"} == parse_tags(query).values
    assert TOKEN not in query


@given(st.text() | st.text(alphabet="ab=&;%+01F", max_size=200))
def test_any_query_is_read(query):
    """No query can make reading it fail, and what is kept is within the limits."""
    tagged = parse_tags(query)

    assert len(tagged.values) <= MAX_TAGS
    assert all(len(name) <= MAX_LENGTH and len(value) <= MAX_LENGTH for name, value in tagged.values.items())


@given(st.dictionaries(st.text(alphabet="aé本 &=%", min_size=1), st.text(alphabet="aé本 &=%"), max_size=10))
def test_tags_survive_the_way_through_a_url(values):
    """The tags that a caller encodes into the callback URL are stored unchanged."""
    tagged = parse_tags("&".join(f"{quote(name)}={quote(value)}" for name, value in values.items()))

    assert values == tagged.values


COMPOSED, DECOMPOSED = "Jos\u00e9", "Jose\u0301"


@pytest.mark.parametrize("stored", [COMPOSED, DECOMPOSED])
@pytest.mark.parametrize("asked", [COMPOSED, DECOMPOSED])
def test_tags_that_differ_only_in_normalisation_are_one_tag(stored, asked):
    """Names and values are compared in NFC, one value or several; stored tags keep their bytes."""
    tags = parse_tags(f"{quote(stored)}={quote(stored)}").values

    assert {stored: stored} == tags
    assert is_tagged(tags, (asked, asked))
    assert is_tagged({stored: ["another", stored]}, (asked, asked))
    assert not is_tagged(tags, (asked, "Jose"))


def test_a_name_in_both_normal_forms_has_both_values():
    """One URL can hold the name twice, in two forms."""
    tags = {COMPOSED: "1", DECOMPOSED: "2"}

    assert [True, True, False] == [is_tagged(tags, (COMPOSED, value)) for value in "123"]
