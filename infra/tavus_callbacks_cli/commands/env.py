"""`tavus-callbacks env`: the shell variables that the examples of the documentation use."""

import click

from tavus_callbacks_cli.commands.options import local_options
from tavus_callbacks_cli.output.text import examples
from tavus_callbacks_cli.targets.choose import running_stack


@click.command(
    epilog=examples(
        'eval "$(tavus-callbacks env --local)"',
        'eval "$(tavus-callbacks env --local --port 9000)"',
    )
)
@local_options
def env(*, is_local: bool, port: int | None) -> None:
    """Print the shell variables of a local stack.

    The variables are CALLBACK_URL, API_URL, READ_TOKEN and QUARANTINE_TOKEN. The examples in the
    documentation use them. The tokens are valid on this machine only.
    """
    if not is_local:
        raise click.UsageError("Only a local stack has these variables. Add --local.")
    click.echo(running_stack(port).export_line)
