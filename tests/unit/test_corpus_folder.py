"""The published bodies are optional in a fork, and required if a variable says so."""

import pytest

import corpus


@pytest.fixture(autouse=True)
def _without_bodies(monkeypatch, tmp_path):
    """Move the tests to a folder that has no published bodies beside it."""
    monkeypatch.delenv("CALLBACK_CORPUS", raising=False)
    monkeypatch.delenv("REQUIRE_CALLBACK_CORPUS", raising=False)
    monkeypatch.setenv("CI", "true")
    monkeypatch.setattr(corpus, "__file__", str(tmp_path / "project" / "tests" / "corpus.py"))


def test_a_test_of_missing_bodies_is_skipped_with_the_reason():
    """A fork passes, and pytest lists the tests that it left out."""
    with pytest.raises(pytest.skip.Exception, match=r"bodies are missing\. Set CALLBACK_CORPUS"):
        corpus.files()


@pytest.mark.parametrize("name", ["CALLBACK_CORPUS", "REQUIRE_CALLBACK_CORPUS"])
def test_required_bodies_that_are_missing_are_an_error(monkeypatch, name):
    """A run that names the bodies, or requires them, does not pass without them."""
    monkeypatch.setenv(name, "1")

    with pytest.raises(corpus.MissingError, match=r"^No such folder: .*Set CALLBACK_CORPUS"):
        corpus.folder()
