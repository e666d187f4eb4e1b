"""`make bench-read` keeps working: questions are asked of a store that answers at once."""

import pytest

import benches


@pytest.mark.parametrize("name", ["its subtitles for a recording", "a page of 50 conversations"])
def test_reading_can_be_measured(name):
    """The reader gets every setting and answer, and makes no more calls than allowed."""
    measure = f"from bench.read import QUESTIONS, measure; question = QUESTIONS[{name!r}]"

    [line] = benches.printed(f"{measure}; print(question.calls, measure(question, rounds=1)['calls'])")

    allowed, made = map(float, line.split())
    assert 0 < made <= allowed
