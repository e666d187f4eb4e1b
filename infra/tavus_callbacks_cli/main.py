"""The `tavus-callbacks` command line: a table of commands, each loaded when it is typed."""

from importlib import import_module

import click

COMMANDS = {
    "local": "local:local",
    "token": "token:token",
    "simulate": "simulate:simulate",
    "explain": "explain:explain",
    "show": "show:show",
    "tail": "tail:tail",
    "quarantine": "quarantine:quarantine",
}


class LazyGroup(click.Group):
    """Keeps start-up short: boto, moto and pydantic load only with the command that needs them."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Return the names in the order people meet them."""
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        """Import the command's module, or answer None so that click names the nearest one."""
        if name not in COMMANDS:
            return None
        module, attribute = COMMANDS[name].split(":")
        command: click.Command = getattr(import_module(f"tavus_callbacks_cli.commands.{module}"), attribute)
        return command


CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


EPILOG = """\b
Names and options complete on TAB, once your shell has evaluated (bash; zsh and fish alike):
  eval "$(_TAVUS_CALLBACKS_COMPLETE=bash_source tavus-callbacks)"
"""


@click.group(cls=LazyGroup, context_settings=CONTEXT, epilog=EPILOG)
@click.version_option(package_name="tavus-callbacks")
def main() -> None:
    """Receive, keep and read Tavus callbacks. Unofficial: not by Tavus."""
