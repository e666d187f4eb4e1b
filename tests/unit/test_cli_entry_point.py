"""A command whose packages are missing says what to install."""

import pytest

from tavus_callbacks_cli import main
from tavus_callbacks_cli.entry_point import main as run


@pytest.mark.parametrize(
    ("module", "extra"),
    [("aws_lambda_powertools.utilities", "cli"), ("moto", "local"), ("samtranslator.parser", "local")],
)
def test_a_missing_package_is_one_line_of_80_columns(monkeypatch, module, extra):
    """The line names the package and the command that installs it."""

    def fail():
        raise ModuleNotFoundError(f"No module named {module!r}", name=module)

    monkeypatch.setattr(main, "main", fail)

    with pytest.raises(SystemExit) as ended:
        run()

    line = str(ended.value)
    assert line.startswith(f"Error: {module.partition('.')[0]} is missing.")
    assert line.endswith(f"pip install 'tavus-callbacks[{extra}]'.")
    assert len(line) <= 80


@pytest.mark.parametrize("name", [None, "tavus_callbacks_cli.absent", "_sqlite3"])
def test_a_missing_module_that_no_extra_brings_is_not_hidden(monkeypatch, name):
    """A fault of ours, of Python or of another package keeps its traceback."""

    def fail():
        raise ModuleNotFoundError("a module", name=name)

    monkeypatch.setattr(main, "main", fail)

    with pytest.raises(ModuleNotFoundError, match="a module"):
        run()


def test_ctrl_c_while_modules_load_is_quiet(monkeypatch):
    """It looks like Ctrl-C at any later moment."""

    def fail():
        raise KeyboardInterrupt

    monkeypatch.setattr(main, "main", fail)

    with pytest.raises(SystemExit) as ended:
        run()

    assert "\nAborted!" == ended.value.code


def test_an_id_that_is_not_utf8_is_named(monkeypatch):
    """It cannot be sent, and no traceback says so."""

    def fail():
        "\udcff".encode()

    monkeypatch.setattr(main, "main", fail)
    monkeypatch.setattr("sys.argv", ["tavus-callbacks", "show", "\udcff"])

    with pytest.raises(SystemExit) as ended:
        run()

    assert "Error: $'\\377' is not valid UTF-8. Check your terminal's encoding." == ended.value.code
