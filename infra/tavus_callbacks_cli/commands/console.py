"""`tavus-callbacks console`: a web page for a target, on this machine only."""

import contextlib
import os
import secrets
import signal
import sys
import webbrowser

import click

from tavus_callbacks_cli.commands.options import id_argument, simulated_option, target_options
from tavus_callbacks_cli.commands.signals import one_signal_ends
from tavus_callbacks_cli.output.console import note
from tavus_callbacks_cli.output.text import examples
from tavus_callbacks_cli.targets.choose import Target


@click.command(
    epilog=examples(
        "tavus-callbacks console --local",
        "tavus-callbacks console --stack tavus-callbacks",
        "tavus-callbacks console c123456 --stack tavus-callbacks",
        "tavus-callbacks console --stack tavus-callbacks --allow-actions",
    )
)
@id_argument("conversation_id", required=False)
@click.option(
    "--console-port",
    type=click.IntRange(0, 65535),
    metavar="N",
    default=0,
    help="Port of the page; 0 picks a free port.",
)
@click.option(
    "--allow-actions", is_flag=True, help="Let the page redrive and replay. With --local, it always can."
)
@click.option("--open/--no-open", "is_open", default=True, help="Open the page in the browser.")
@target_options
@simulated_option
def console(  # noqa: PLR0913 - one argument an option
    target: Target,
    conversation_id: str | None,
    *,
    console_port: int,
    allow_actions: bool,
    is_open: bool,
    leave_out: dict[str, str],
) -> None:
    """Show conversations, recordings and problems as a web page.

    With an ID, the page opens that conversation. `latest` is the newest one. The page runs on this
    machine only. Anyone on this machine who has the printed address can read the data of the target.
    """
    from tavus_callbacks_cli.console.links import conversation_address
    from tavus_callbacks_cli.console.open import open_console
    from tavus_callbacks_cli.local_stack.http.server import serve, take_port
    from tavus_callbacks_cli.operations.ids import resolve_subject

    if conversation_id:
        with target.open_api("read") as api:
            conversation_id = resolve_subject(api, conversation_id, "conversation", leave_out)
    with contextlib.ExitStack() as cleanup:
        listener = cleanup.enter_context(take_port(console_port, "--console-port"))
        page = open_console(
            target,
            cleanup,
            port=listener.getsockname()[1],
            key=secrets.token_urlsafe(24),
            allow_actions=allow_actions,
        )
        address = page.session.address
        if conversation_id:
            address = conversation_address(address, conversation_id)
        with contextlib.suppress(KeyboardInterrupt), one_signal_ends(), serve(listener, page.site()):
            click.echo(address)
            note("Ctrl-C stops it.")
            if is_open and _has_browser():
                webbrowser.open(address)
            while True:
                signal.pause()
        with contextlib.suppress(KeyboardInterrupt):
            page.finish()
    # A read that still waits for the API would hold the process until it times out.
    os._exit(0)


def _has_browser() -> bool:
    """Tell whether a person sits at a screen: elsewhere, a browser for terminals would open."""
    names = ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY")
    return sys.stdout.isatty() and (sys.platform == "darwin" or any(map(os.environ.get, names)))
