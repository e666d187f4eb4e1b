"""Search in a copy: which turns and analyses match, in what order, and what a person may type."""

from datetime import timedelta

import click
import pytest
from copies import add_events, empty_copy
from folding import NOW, stored_event

from tavus_callbacks_cli.sync.search import match_expression, search

ANALYSIS = "application.perception_analysis"
TRANSCRIPT = "application.transcription_ready"


def event(event_type, conversation_id, hours, **properties):
    """Return an event of a conversation that was received some hours after a fixed moment."""
    received_at = NOW + timedelta(hours=hours)
    body = {
        "event_type": event_type,
        "conversation_id": conversation_id,
        "timestamp": received_at.isoformat(),
    }
    return stored_event({**body, "properties": properties}, received_at=received_at)


def spoken(conversation_id, hours, *texts):
    """Return the transcript of a conversation: each text is a turn of the user, a second after the other."""
    turns = [{"role": "user", "content": text, "seconds_from_start": n} for n, text in enumerate(texts)]
    return event(TRANSCRIPT, conversation_id, hours, transcript=turns)


@pytest.fixture
def copy():
    """Return an empty copy."""
    return empty_copy()


def found(copy, words, limit=20):
    """Return the texts of the matches."""
    return [match.text for match in search(copy, words, limit).shown]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("refund", ["A refund, please", "Our policy: refund in 30 days", "The refund policy"]),
        ("refund policy", ["Our policy: refund in 30 days", "The refund policy"]),
        ('"refund policy"', ["The refund policy"]),
        ("pric*", ["Prices are up"]),
        ("pric", []),
        ("PRICES", ["Prices are up"]),
        ("creme brulee", ["Crème brûlée"]),
        ('"creme bru"*', ["Crème brûlée"]),
        ("'refund", ["A refund, please", "Our policy: refund in 30 days", "The refund policy"]),
    ],
)
def test_a_turn_matches_if_it_has_all_words(copy, words, expected):
    """Order and case do not count, a phrase does, and a star matches the beginning of a word only."""
    texts = ("A refund, please", "Our policy: refund in 30 days", "The refund policy", "Prices are up")
    add_events(copy, [spoken("c1", 0, *texts, "Crème brûlée")])

    assert found(copy, words) == expected


@pytest.mark.parametrize(
    "words",
    [
        "-a",
        'a"',
        '"a',
        "(a",
        "a AND",
        "NOT a",
        "NEAR(a b)",
        "a^2",
        "text:a",
        "{a}",
        "a + b",
        "a\0",
        "🙂 a",
        "*a",
    ],
)
def test_nothing_that_a_person_types_is_syntax(copy, words):
    """A character with a meaning in FTS5 is text here, as are its operators."""
    text = "not near a b and a 2 text a"
    add_events(copy, [spoken("c1", 0, text)])

    assert found(copy, words) == [text]


def test_an_unusual_query_is_no_error(copy):
    """A byte of an argument that is not UTF-8 is not a letter, and a long query is a query."""
    add_events(copy, [spoken("c1", 0, "price")])

    assert found(copy, "price\udcff \udcff") == ["price"]
    assert found(copy, "price " * 5000) == ["price"]
    assert match_expression("a b* a b*") == '"a" "b"*'


@pytest.mark.parametrize("words", ["", "🙂", "-", '""', "*", "\0"])
def test_a_query_without_a_word_is_refused(words):
    """A person learns that only words and numbers are searched."""
    with pytest.raises(click.UsageError, match="has no word or number"):
        match_expression(words)


def test_the_newest_conversations_come_first_each_in_order(copy):
    """Conversations are sorted by their first receipt, turns by their place, and a limit cuts the oldest."""
    add_events(copy, [spoken("new", 2, "hello 1", "hello 2"), spoken("old", 0, "hello 3", "hello 4")])

    assert found(copy, "hello") == ["hello 1", "hello 2", "hello 3", "hello 4"]
    assert search(copy, "hello", 4).has_more is False
    assert search(copy, "hello", 3).has_more is True
    assert found(copy, "hello", 3) == ["hello 1", "hello 2", "hello 4"]
    assert found(copy, "hello", 1) == ["hello 2"]


def test_analyses_are_searched_too(copy):
    """The analysis of the camera is a match of its conversation, behind the turns of the same one."""
    analysis = event(ANALYSIS, "c1", 0, analysis="# Mood\n\nThe user **smiled** about the price.")
    add_events(copy, [spoken("c1", 0, "The price?"), analysis, spoken("c2", 1, "A price!")])

    shown, _ = search(copy, "price", 20)

    assert [(match.conversation_id, match.speaker) for match in shown] == [
        ("c2", "user"),
        ("c1", "user"),
        ("c1", "analysis"),
    ]
    assert "".join(piece for piece, _ in shown[-1].excerpt) == "# Mood The user **smiled** about the price."


def test_an_excerpt_marks_the_words(copy):
    """An excerpt is one line of a long text around its words, which are marked."""
    add_events(copy, [spoken("c1", 0, "before " * 100 + "the refund\npolicy" + " after" * 100)])

    [match] = search(copy, '"refund policy"', 20).shown

    assert [piece for piece, is_word in match.excerpt if is_word] == ["refund policy"]
    assert len("".join(piece for piece, _ in match.excerpt)) < 300


def test_a_text_cannot_mark_words(copy):
    """A control character of a text stays in its excerpt, and highlights nothing."""
    add_events(copy, [spoken("c1", 0, "a \x01refund\x02 and \x01 more")])

    [match] = search(copy, "refund", 20).shown

    assert match.excerpt == (("a \x01", False), ("refund", True), ("\x02 and \x01 more", False))


def test_an_excerpt_of_a_text_without_spaces_is_short(copy):
    """A word of any length is shortened in its middle."""
    add_events(copy, [spoken("c1", 0, "refund " + "返" * 5000 + "金")])

    [match] = search(copy, "refund", 20).shown

    assert match.excerpt == (("refund", True), (" " + "返" * 119 + "…" + "返" * 119 + "金", False))
