"""The command line explains every command and every mistake in naming a target."""

import re
import subprocess
import sys
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner, Result

from tavus_callbacks_cli.main import COMMANDS, main

VARIABLES = (
    "TAVUS_CALLBACKS_STACK",
    "TAVUS_CALLBACKS_URL",
    "TAVUS_CALLBACKS_READ_TOKEN",
    "TAVUS_CALLBACKS_QUARANTINE_TOKEN",
    "TAVUS_CALLBACKS_CALLBACK_URL",
)


def commands(group: click.Group, *path: str) -> Iterator[tuple[str, ...]]:
    """Walk the tree of commands, groups included."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        yield (*path, name)
        if isinstance(command, click.Group):
            yield from commands(command, *path, name)


# `local` is shown by the tests of the local stack.
ALL = [path for path in commands(main) if path != ("local",)]
WITH_TARGET = [
    ("token", "create", "--label", "a"),
    ("token", "list"),
    ("token", "rotate", "a"),
    ("list",),
    ("list", "videos"),
    ("show", "c123"),
    ("transcript", "c123"),
    ("stats",),
    ("tail",),
    ("sync",),
    ("reindex",),
    ("quarantine", "list"),
    ("quarantine", "show", "0123"),
]


@pytest.fixture(autouse=True)
def _without_targets(monkeypatch, tmp_path):
    """Remove every target that this machine may offer."""
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("TAVUS_CALLBACKS_STATE", str(tmp_path))


def run(*arguments: str) -> Result:
    """Run the command line."""
    return CliRunner().invoke(main, arguments, prog_name="tavus-callbacks")


def test_help_shows_the_eleven_commands_of_a_first_day_before_the_others():
    """`local` comes first. The others stand in groups, each once."""
    sections = re.split(r"\n(?=\w+:\n)", run("--help").output.partition("\nCommands:\n")[2])
    first, *groups = [re.findall(r"^  ([a-z]+)  +[A-Z]", section, re.MULTILINE) for section in sections]

    assert "local" == first[0]
    assert 11 == len(first)
    assert [*COMMANDS] == [name for group in (first, *groups) for name in group]
    assert ["Analyse", "Repair", "Operate", "Privacy"] == [each.partition(":")[0] for each in sections[1:]]


@pytest.mark.parametrize("name", COMMANDS)
def test_the_summary_of_a_command_is_that_of_its_own_help(name):
    """`tavus-callbacks --help` and `tavus-callbacks NAME --help` begin alike."""
    command = main.get_command(click.Context(main), name)

    assert command is not None
    assert COMMANDS[name].summary == command.get_short_help_str(limit=100)


def test_help_fits_80_columns():
    """No summary is cut or wrapped."""
    lines = CliRunner().invoke(main, ["--help"], terminal_width=80).output.splitlines()

    assert not [line for line in lines if len(line) > 80]
    assert not [line for line in lines if "..." in line and "[ARGS]..." not in line]


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_command_has_help_with_an_example(path):
    """`--help` describes a command in a sentence and has an example."""
    result = run(*path, "--help")

    assert 0 == result.exit_code
    first = result.output.split("\n\n")[1].strip()
    assert first.endswith(".")
    examples = result.output.partition("Examples:\n")[2].splitlines()
    assert any(f"tavus-callbacks {' '.join(path)}" in line for line in examples)


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_option_has_help(path):
    """Every option has a help text."""
    command: click.Command = main
    for name in path:
        assert isinstance(command, click.Group)
        subcommand = command.get_command(click.Context(command), name)
        assert subcommand is not None
        command = subcommand

    options = [each for each in command.params if isinstance(each, click.Option)]

    assert [] == [option.name for option in options if not option.help]


def test_help_tells_of_shell_completion():
    """`--help` explains completion, and the script that it names is printed."""
    assert "_TAVUS_CALLBACKS_COMPLETE=bash_source" in run("--help").output

    result = CliRunner().invoke(
        main, env={"_TAVUS_CALLBACKS_COMPLETE": "zsh_source"}, prog_name="tavus-callbacks"
    )

    assert 0 == result.exit_code
    assert "tavus-callbacks" in result.output


@pytest.mark.parametrize("arguments", WITH_TARGET, ids=" ".join)
def test_without_a_target_all_ways_are_named(arguments):
    """No target is guessed: the usage error names all ways to choose one."""
    result = run(*arguments)

    assert 2 == result.exit_code
    for way in ("--local", "--stack NAME", *VARIABLES[:3]):
        assert way in result.stderr


@pytest.mark.parametrize("arguments", WITH_TARGET, ids=" ".join)
def test_no_local_stack_is_an_error_that_says_how_to_start_one(arguments, monkeypatch):
    """--local never falls back to the URL of the environment."""
    monkeypatch.setenv("TAVUS_CALLBACKS_URL", "https://example.com")

    result = run(*arguments, "--local")

    assert 1 == result.exit_code
    assert "tavus-callbacks local" in result.stderr
    assert "example.com" not in result.stderr


def test_help_loads_nothing_heavy():
    """`--help` is fast: no command is imported, and neither are AWS, HTTP and models."""
    program = (
        "import sys; from click.testing import CliRunner; from tavus_callbacks_cli.main import main;"
        "CliRunner().invoke(main, ['--help']);"
        "heavy = ('boto3', 'httpx', 'moto', 'pydantic', 'rich', 'tavus_callbacks_cli.commands');"
        "print([name for name in heavy if name in sys.modules])"
    )

    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # noqa: S603 - a literal

    assert "[]\n" == result.stdout
