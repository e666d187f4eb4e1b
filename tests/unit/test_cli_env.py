"""`tavus-callbacks env` sets the variables of the documentation's examples."""

import subprocess
from dataclasses import replace

from click.testing import CliRunner
from test_local_state import RUNNING

from tavus_callbacks_cli.local_stack import registry
from tavus_callbacks_cli.main import main


def test_a_shell_that_evaluates_it_has_the_variables(monkeypatch):
    """One line sets the addresses and the tokens, and nothing in it is executed."""
    stack = replace(RUNNING, callback_url="http://a/callbacks/$(id)")
    monkeypatch.setattr(registry, "running_stacks", lambda: [stack])

    line = CliRunner().invoke(main, ["env", "--local"]).stdout

    show = 'eval "$0"; echo "$CALLBACK_URL $API_URL $READ_TOKEN $QUARANTINE_TOKEN"'
    done = subprocess.run(["bash", "-c", show, line], capture_output=True, text=True, check=True)  # noqa: S603, S607
    assert "http://a/callbacks/$(id) http://127.0.0.1:8787 r q\n" == done.stdout
    assert line.count("\n") == 1


def test_it_is_for_a_local_stack_only():
    """The error names the option to add."""
    result = CliRunner().invoke(main, ["env"])

    assert 2 == result.exit_code
    assert "Add --local." in result.stderr
