"""Words and questions are counted in every script, also in those without spaces."""

import pytest

from tavus_callbacks.domain.transcripts.word_count import question_count, word_count


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 0),
        ("Hello there", 2),
        ("It's me \u2013 and Bruno.", 4),
        ("... -- !", 0),
        ("naïve, très “bien”", 3),
        ("안녕하세요 여러분", 2),
        ("はい、そうです。", 3),
        ("你好\uff0c我想订一个房间", 5),
        ("AIは便利です", 4),
        ("สวัสดีครับ", 3),
    ],
)
def test_words_are_counted_in_every_script(text, expected):
    """Text between spaces is a word; so are two characters of Han or kana, and four of Thai."""
    assert expected == word_count(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("Really?? Are you sure?", 2), ("本当ですか\uff1f", 1), ("هل أنت متأكد؟", 1), ("No.", 0)],
)
def test_questions_are_counted_by_their_marks(text, expected):
    """A repeated mark is one question, in every script that has such a mark."""
    assert expected == question_count(text)
