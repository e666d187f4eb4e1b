"""The command line's answer to a mistyped command, and its own help."""

import pytest
from click.testing import CliRunner

from encodings_of_tokens import SHORT
from tavus_callbacks.domain.common.errors import StoreDown
from tavus_callbacks_cli.main import main


@pytest.mark.parametrize(
    ("typed", "meant"), [("recordng", "'recording'"), ("docter", "'doctor'"), ("tial", "'tail'")]
)
def test_a_mistyped_command_is_told_the_nearest(typed, meant):
    """Commands that are not loaded yet are suggested, too."""
    result = CliRunner().invoke(main, [typed])

    assert 2 == result.exit_code
    assert f"No such command '{typed}'." in result.stderr
    assert meant in result.stderr


def test_a_command_unlike_any_is_told_nothing_more():
    """Nothing is suggested if nothing is similar."""
    result = CliRunner().invoke(main, ["xyzzy"])

    assert 2 == result.exit_code
    assert "Did you mean" not in result.stderr


def test_suggestions_are_wrapped_with_their_error(monkeypatch):
    """A terminal gets both as one text, broken between words where the line is full."""
    monkeypatch.setattr("tavus_callbacks_cli.output.console._width", lambda _: 80)

    result = CliRunner().invoke(main, ["token", "rotate", "--label", "web"])

    assert result.stderr.endswith(
        "Error: No such option '--label'. (Did you mean one of: '--help', '--local'?)\n"
    )


def test_the_help_of_local_shows_its_examples():
    """Each example has its line, without the formatter's mark."""
    result = CliRunner().invoke(main, ["local", "--help"])

    assert "\n  Examples:\n    tavus-callbacks local\n" in result.output
    assert "\\b" not in result.output
    assert "\b" not in result.output


@pytest.mark.parametrize(
    "typed",
    [
        [SHORT],
        ["show", "--local", "--port", SHORT],
        ["token", "revoke", SHORT, "--local"],
        ["token", "create", "--label", f"a-{SHORT}", "--local"],
        ["explain", SHORT],
        ["simulate", SHORT, "--url", f"http://127.0.0.1:1/callbacks/{SHORT}"],
    ],
)
def test_no_error_shows_a_token_that_was_typed(typed, monkeypatch, tmp_path):
    """People record terminals and paste errors into issues."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))

    result = CliRunner().invoke(main, typed)

    assert 2 == result.exit_code
    assert "Error: " in result.stderr
    assert SHORT not in result.output


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("ThrottlingException", "AWS: ThrottlingException. Run the same command again in a moment."),
        ("AccessDeniedException", "Your AWS credentials do not allow this."),
    ],
)
def test_a_store_that_is_down_is_a_sentence(code, sentence, monkeypatch, tmp_path):
    """No command shows a traceback for it, whichever step it stopped."""

    def fail(*_: object, **__: object):
        raise StoreDown(code)

    monkeypatch.setattr("tavus_callbacks_cli.operations.explain.explain_body", fail)
    (tmp_path / "a.json").write_text("{}")

    result = CliRunner().invoke(main, ["explain", str(tmp_path / "a.json")])

    assert 1 == result.exit_code
    assert f"Error: {sentence}" in result.stderr
