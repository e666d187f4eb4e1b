"""The `tavus-callbacks` command line: a table of commands, each loaded when it is typed."""

from importlib import import_module

import click
from click.exceptions import NoSuchCommand

from tavus_callbacks import VERSION
from tavus_callbacks.domain.common.token import replace_tokens

COMMANDS = {
    "local": "local:local",
    "token": "token:token",
    "simulate": "simulate:simulate",
    "explain": "explain:explain",
    "list": "list:list_",
    "show": "show:show",
    "transcript": "transcript:transcript",
    "stats": "stats:stats",
    "tail": "tail:tail",
    "forward": "forward:forward",
    "console": "console:console",
    "recording": "recording:recording",
    "replay": "replay:replay",
    "backfill": "backfill:backfill",
    "problems": "problems:problems",
    "quarantine": "quarantine:quarantine",
    "failed": "failed:failed",
    "doctor": "doctor:doctor",
    "connect": "connect:connect",
    "reindex": "reindex:reindex",
    "drift": "drift:drift",
    "pause": "pause:pause",
    "resume": "pause:resume",
    "restore": "restore:restore",
    "erase": "erase:erase",
    "export": "export:export",
    "sync": "sync:sync",
    "search": "search:search",
    "env": "env:env",
}


class LazyGroup(click.Group):
    """Keeps start-up short: boto, moto and pydantic load only with a command that needs them."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Return the names in the order in which people need them."""
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        """Import the command's module and return the command, or None if there is no such command."""
        if name not in COMMANDS:
            return None
        module, attribute = COMMANDS[name].split(":")
        command: click.Command = getattr(import_module(f"tavus_callbacks_cli.commands.{module}"), attribute)
        return command

    def invoke(self, ctx: click.Context) -> object:
        """Run a command, and remove tokens from its error: somebody typed one, or a service quoted it."""
        try:
            return super().invoke(ctx)
        except click.ClickException as error:
            error.message = replace_tokens(error.message)  # type: ignore[misc]  # click formats it later
            raise

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Suggest commands for an unknown one; click would only look among those that it has loaded."""
        try:
            return super().resolve_command(ctx, args)
        except NoSuchCommand as error:
            raise NoSuchCommand(error.command_name, possibilities=COMMANDS, ctx=ctx) from None


CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


EPILOG = """\b
Names and options complete on TAB, once your shell has evaluated (bash; zsh and fish alike):
  eval "$(_TAVUS_CALLBACKS_COMPLETE=bash_source tavus-callbacks)"
"""


@click.group(cls=LazyGroup, context_settings=CONTEXT, epilog=EPILOG)
@click.version_option(VERSION)
def main() -> None:
    """Receive, keep and read Tavus callbacks. Unofficial: not by Tavus."""
