"""Issues: codes that programs match on, with paths that repeat nothing of the sender's text."""

import pytest

from tavus_callbacks.domain.callbacks.validation import limit_issues
from tavus_callbacks.domain.common.issues import LIMIT, MORE_ISSUES, UNEXPECTED_TYPE, at


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (["properties", "transcript", 3, "content"], "unexpected_type:properties.transcript.items.content"),
        (["a b"], "unexpected_type:*"),
        (["I said: hello"], "unexpected_type:*"),
        (["x" * 65], "unexpected_type:*"),
        (["\x1b[31m", "", "é"], "unexpected_type:*.*.*"),
    ],
)
def test_a_path_holds_plain_names_alone(path, expected):
    """Names that could be speech or terminal codes are written as a star, list items without number."""
    assert expected == at(UNEXPECTED_TYPE, path)


def test_issues_are_named_once_and_in_order():
    """The same issue twice is one."""
    assert ("b", "a") == limit_issues(["b", "a", "b"])


@pytest.mark.parametrize("more", [0, 1, 100])
def test_issues_end_somewhere(more):
    """Beyond the limit one word says that there are more."""
    found = limit_issues(str(number) for number in range(LIMIT + more))

    assert (LIMIT + (more > 0), more > 0) == (len(found), MORE_ISSUES in found)
