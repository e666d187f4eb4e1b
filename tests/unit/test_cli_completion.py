"""TAB completes what the command line knows, and stays silent about what it does not."""

import pytest
from click.shell_completion import BashComplete

from tavus_callbacks_cli.main import main


def complete(*words: str) -> list[str]:
    """Return what TAB offers for the last word."""
    shell = BashComplete(main, {}, "tavus-callbacks", "_TAVUS_CALLBACKS_COMPLETE")
    return [item.value for item in shell.get_completions(list(words[:-1]), words[-1])]


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["tr"], ["transcript"]),
        (["simulate", "rec"], ["recording"]),
        (["list", "vid"], ["videos"]),
        (["show", "--kind", "fa"], ["face"]),
        (["tail", "--event-type", "system.s"], ["system.shutdown"]),
        (["sync", "--lo"], ["--local"]),
    ],
)
def test_names_complete_without_a_stack(words, offered):
    """Commands, scenarios, kinds, event types and options are part of the program."""
    assert offered == complete(*words)


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["show", ""], ["latest"]),
        (["recording", "c1", "1"], []),
        (["quarantine", "delete", "2"], []),
        (["token", "revoke", ""], []),
        (["list", "--local", "--port", ""], []),
    ],
)
def test_without_a_local_stack_completion_is_silent(words, offered, monkeypatch, tmp_path, capfd):
    """An error would appear in the middle of the line that somebody types."""
    monkeypatch.setenv("TAVUS_CALLBACKS_STATE", str(tmp_path))

    assert offered == complete(*words)
    assert ("", "") == capfd.readouterr()
