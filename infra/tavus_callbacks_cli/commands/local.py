"""`tavus-callbacks local`: the whole stack on this machine."""

import contextlib
import io
import signal
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import urlsplit

import click

from tavus_callbacks_cli.commands import options
from tavus_callbacks_cli.local_stack.stack import DEFAULT_PORT, Options
from tavus_callbacks_cli.local_stack.tavus_api import MODES
from tavus_callbacks_cli.output.shell import argument
from tavus_callbacks_cli.output.text import examples

if TYPE_CHECKING:
    from rich.text import Text

    from tavus_callbacks_cli.local_stack.http.gateway import Exchange
    from tavus_callbacks_cli.local_stack.stack import LocalStack

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def _http_url(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise click.BadParameter(f"{value!r} is no http:// or https:// address")
    return value.rstrip("/")


@click.command(
    epilog=examples(
        "tavus-callbacks local",
        "tavus-callbacks local --port 9000 --fresh",
        "tavus-callbacks local --hurry --tavus-api 429",
        "tavus-callbacks local --forward http://localhost:5000/webhook",
        "tavus-callbacks local --public-url https://example.trycloudflare.com",
        "tavus-callbacks local --parameter PushUrl=http://localhost:5000/pushes",
    )
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=DEFAULT_PORT,
    show_default=True,
    help="Where it answers on this machine; 0 takes a free port.",
)
@click.option(
    "--public-url",
    callback=_http_url,
    metavar="URL",
    help="Address of a tunnel to the port, for the callback URL that is printed.",
)
@click.option("--fresh", is_flag=True, help="Forget the tokens and data of the run before.")
@click.option(
    "--forward", callback=_http_url, metavar="URL", help="Post every kept callback on to this address."
)
@click.option(
    "--ready",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write addresses and tokens to FILE (mode 0600) once requests are accepted.",
)
@click.option("--hurry", is_flag=True, help="Let schedules come round every second, not every five minutes.")
@click.option(
    "--tavus-api",
    type=click.Choice(list(MODES)),
    default="healthy",
    show_default=True,
    help="How the stand-in for Tavus's API behaves.",
)
@options.template_parameters
def local(  # noqa: PLR0913 - one argument an option
    port: int,
    public_url: str | None,
    *,
    fresh: bool,
    forward: str | None,
    ready: Path | None,
    hurry: bool,
    tavus_api: str,
    parameters: dict[str, str],
) -> None:
    """Run the whole stack on this machine, from template.yaml.

    No AWS account is needed. It prints the callback URL and how to read, then one line a callback.
    """
    from tavus_callbacks_cli.console.open import local_console

    chosen = Options(
        port=port,
        public_url=public_url,
        fresh=fresh,
        parameters=parameters,
        hurry=hurry,
        tavus=MODES[tavus_api],
        console=local_console,
    )
    # Ctrl-C ends the stack, and _one_signal_ends makes SIGTERM equal to it.
    with contextlib.suppress(KeyboardInterrupt), _one_signal_ends():
        _run(chosen, forward, ready)


def _run(chosen: Options, forward: str | None, ready: Path | None) -> None:
    from rich.console import Console

    from tavus_callbacks_cli.local_stack import console
    from tavus_callbacks_cli.local_stack.registry import write_ready_file
    from tavus_callbacks_cli.local_stack.stack import local_stack

    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    output = Console(highlight=False)

    def print_line(line: "Text | None") -> None:
        # rich ends the program when the reader of a pipe is gone, but the stack must go on storing callbacks.
        with contextlib.suppress(SystemExit):
            if line:
                output.print(line, soft_wrap=True)

    def show_exchange(exchange: "Exchange") -> None:
        print_line(console.exchange_line(exchange, stack.state.logs / f"{exchange.route.function}.log"))

    def show_failure(function: str, reason: str) -> None:
        print_line(console.failure_line(function, reason, stack.state.logs))

    def report(text: str, style: str) -> None:
        print_line(console.note_line(text, style))

    with local_stack(chosen) as stack, contextlib.ExitStack() as cleanup:
        if forward:
            stack.gateway.watchers.append(cleanup.enter_context(_forward(stack, forward, report)))
        console.show_start(output, stack, forward)
        stack.gateway.watchers.append(show_exchange)
        stack.functions.watchers.append(show_failure)
        if ready:
            write_ready_file(ready, stack.running)
        stack.services.ended.wait()
        log = argument(str(stack.state.logs / "embedded.log"))
        raise click.ClickException(f"the embedded services ended; see {log}")


@contextlib.contextmanager
def _forward(
    stack: "LocalStack", url: str, report: Callable[[str, str], None]
) -> Iterator[Callable[["Exchange"], None]]:
    """Yield a watcher of exchanges that forwards every new event."""
    from tavus_callbacks_cli.local_stack.forward import fetch_body, run_forwarding, stored_event_id

    with run_forwarding(url, partial(fetch_body, stack), report) as forward:

        def forward_stored(exchange: "Exchange") -> None:
            if event_id := stored_event_id(exchange):
                forward(event_id)

        yield forward_stored


@contextlib.contextmanager
def _one_signal_ends() -> Iterator[None]:
    """Turn the first signal into KeyboardInterrupt and ignore later ones, which disturb the clean-up."""

    def end(_number: int, _frame: object) -> NoReturn:
        for number in before:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, end) for number in _ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
