"""The `tavus-callbacks` command line: a table of commands, each loaded when it is typed."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

import click
from click.exceptions import NoSuchCommand

from tavus_callbacks import VERSION
from tavus_callbacks.domain.common.errors import StoreDown
from tavus_callbacks.domain.common.token import replace_tokens
from tavus_callbacks_cli.output import faults
from tavus_callbacks_cli.output.console import wrap_message

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


class Entry(NamedTuple):
    """A command's place in the package and its summary, so that `--help` imports no command."""

    place: str
    summary: str


GROUPS = {
    "Commands": {
        "local": Entry("local:local", "Run the whole stack on this machine."),
        "token": Entry("token:token", "Create, list, rotate and revoke tokens."),
        "simulate": Entry("simulate:simulate", "Send realistic callbacks, or list the scenarios."),
        "show": Entry("show:show", "Show a conversation, a video or another subject."),
        "list": Entry("list:list_", "List conversations, videos, other resources or events."),
        "transcript": Entry("transcript:transcript", "Show what was said in a conversation."),
        "recording": Entry("recording:recording", "List, watch or download a conversation's recordings."),
        "tail": Entry("tail:tail", "Show events as they are received, until Ctrl-C."),
        "problems": Entry("problems:problems", "List what is stuck, with the command to run next."),
        "doctor": Entry("doctor:doctor", "Check that a stack works."),
        "connect": Entry("connect:connect", "Print a request body for Tavus with this stack's values."),
    },
    "Analyse": {
        "stats": Entry("stats:stats", "Summarise conversations: how many, how long, who spoke."),
        "search": Entry("search:search", "Search what was said and what the camera showed."),
        "sync": Entry("sync:sync", "Copy everything new into an SQLite file."),
        "export": Entry("export:export", "Write everything stored about a subject into a zip file."),
    },
    "Repair": {
        "quarantine": Entry("quarantine:quarantine", "Show, redrive or delete quarantined callbacks."),
        "failed": Entry("failed:failed", "List and redrive events that a function could not process."),
        "replay": Entry("replay:replay", "Post stored bodies again, in order of receipt."),
        "backfill": Entry("backfill:backfill", "Fetch lost events from Tavus's API and store them."),
        "reindex": Entry("reindex:reindex", "Rebuild the summaries and index entries that lists read."),
        "restore": Entry("restore:restore", "Copy missing data from a restored table."),
        "drift": Entry("drift:drift", "Show unknown event types, and unknown or changed properties."),
        "explain": Entry("explain:explain", "Show offline how the stack would read a body."),
    },
    "Operate": {
        "console": Entry("console:console", "Show conversations, recordings and problems as a web page."),
        "forward": Entry("forward:forward", "Post events to your application as they arrive."),
        "pause": Entry("pause:pause", "Pause the functions that process stored events."),
        "resume": Entry("pause:resume", "Resume the functions that `pause` stopped."),
        "env": Entry("env:env", "Print the shell variables of a local stack."),
    },
    "Privacy": {
        "erase": Entry("erase:erase", "Erase a subject from every store, and print a receipt."),
    },
}

COMMANDS = {name: entry for group in GROUPS.values() for name, entry in group.items()}


class LazyGroup(click.Group):
    """Keeps start-up short: boto, moto and pydantic load only with a command that needs them."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Return the names in the order in which people need them."""
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        """Import the command's module and return the command, or None if there is no such command."""
        if name not in COMMANDS:
            return None
        module, attribute = COMMANDS[name].place.split(":")
        command: click.Command = getattr(import_module(f"tavus_callbacks_cli.commands.{module}"), attribute)
        return command

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the summaries in their groups; click would import every command for them."""
        width = max(map(len, COMMANDS))
        for title, entries in GROUPS.items():
            with formatter.section(title):
                formatter.write_dl([(f"{name:<{width}}", entry.summary) for name, entry in entries.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem]":
        """Complete the name of a command; click would import every command for its help."""
        from click.shell_completion import CompletionItem

        names = [name for name in COMMANDS if name.startswith(incomplete)]
        options = click.Command.shell_complete(self, ctx, incomplete)
        return [*(CompletionItem(name, help=COMMANDS[name].summary) for name in names), *options]

    def invoke(self, ctx: click.Context) -> object:
        """Run a command. Its error is wrapped, without tokens: somebody typed one, or a service quoted it."""
        try:
            with _faults_as_errors():
                return super().invoke(ctx)
        except click.ClickException as error:
            # Click adds the parameter before the message, or suggestions behind it.
            message = wrap_message(replace_tokens(error.format_message()), "Error: ")
            error.format_message = lambda: message  # type: ignore[method-assign]  # click prints it later
            raise

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Suggest commands for an unknown one; click would only look among those that it has loaded."""
        try:
            return super().resolve_command(ctx, args)
        except NoSuchCommand as error:
            raise NoSuchCommand(error.command_name, possibilities=COMMANDS, ctx=ctx) from None


@contextmanager
def _faults_as_errors() -> Iterator[None]:
    """Raise what no command catches as click.ClickException: a store that is down, or a full disk."""
    try:
        yield
    except StoreDown as error:
        from tavus_callbacks_cli.targets.aws_errors import error_advice

        advice = error_advice(str(error)) or f"AWS: {error}. Run the same command again in a moment."
        raise click.ClickException(advice) from error
    except BrokenPipeError:
        # Click ends quietly.
        raise
    except OSError as error:
        raise click.ClickException(faults.describe(error)) from error


CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


EPILOG = """\b
Examples:
  tavus-callbacks local
  tavus-callbacks simulate recording --local
  tavus-callbacks show latest --local

\b
To complete commands, options and ids with TAB, add a line to your shell's
start-up file:
  bash  eval "$(_TAVUS_CALLBACKS_COMPLETE=bash_source tavus-callbacks)"
  zsh   eval "$(_TAVUS_CALLBACKS_COMPLETE=zsh_source tavus-callbacks)"
  fish  _TAVUS_CALLBACKS_COMPLETE=fish_source tavus-callbacks | source
"""


@click.group(cls=LazyGroup, context_settings=CONTEXT, epilog=EPILOG)
@click.version_option(VERSION)
def main() -> None:
    """Receive, store and read Tavus callbacks. Not an official Tavus product."""
