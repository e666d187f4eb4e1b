"""`tavus-callbacks console`: a web page for a target, on this machine only."""

import contextlib
import signal
import webbrowser

import click

from tavus_callbacks_cli.commands.options import target_options
from tavus_callbacks_cli.output.console import note
from tavus_callbacks_cli.output.text import examples
from tavus_callbacks_cli.targets.choose import Target


@click.command(
    epilog=examples(
        "tavus-callbacks console --local",
        "tavus-callbacks console --stack tavus-callbacks",
        "tavus-callbacks console --stack tavus-callbacks --allow-actions",
    )
)
@click.option(
    "--console-port",
    "console_port",
    type=click.IntRange(0, 65535),
    default=0,
    help="Where the page is served; 0 takes a free port.",
)
@click.option("--open/--no-open", "is_open", default=True, help="Open the page in the browser.")
@target_options
def console(target: Target, *, console_port: int, is_open: bool) -> None:
    """Show conversations, recordings and problems as a web page."""
    from tavus_callbacks_cli.console.read_api import ReadApi
    from tavus_callbacks_cli.console.server import Console
    from tavus_callbacks_cli.console.session import Session
    from tavus_callbacks_cli.local_stack.http.gateway import NOT_FOUND
    from tavus_callbacks_cli.local_stack.http.server import serve, take_port

    with contextlib.ExitStack() as cleanup:
        listener = cleanup.enter_context(take_port(console_port))
        session = Session(
            listener.getsockname()[1],
            "Start `tavus-callbacks console` again and open the address that it prints.",
        )
        page = Console(session, ReadApi(target, cleanup), None)
        cleanup.enter_context(serve(listener, lambda request: page.handle(request) or NOT_FOUND))
        click.echo(session.address)
        note("Ctrl-C stops it.")
        if is_open:
            webbrowser.open(session.address)
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()
