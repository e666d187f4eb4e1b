"""`tavus-callbacks local`: the whole stack on this machine."""

import contextlib
import io
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from tavus_callbacks.domain.common.timestamps import iso, now
from tavus_callbacks_cli.commands import completion, options
from tavus_callbacks_cli.commands.options import http_url
from tavus_callbacks_cli.commands.signals import one_signal_ends
from tavus_callbacks_cli.local_stack.behaviour import MODES
from tavus_callbacks_cli.local_stack.loopback import DEFAULT_PORT
from tavus_callbacks_cli.local_stack.options import Options
from tavus_callbacks_cli.output.console import note
from tavus_callbacks_cli.output.shell import argument
from tavus_callbacks_cli.output.text import examples

if TYPE_CHECKING:
    from rich.text import Text

    from tavus_callbacks_cli.local_stack.http.gateway import Exchange, Gateway
    from tavus_callbacks_cli.local_stack.http.server import Site
    from tavus_callbacks_cli.local_stack.registry import RunningStack
    from tavus_callbacks_cli.local_stack.stack import LocalStack
    from tavus_callbacks_cli.operations.events import EventFilter

# Seconds between looks for events that no callback brought, such as those of a backfill.
_LOOK = 5.0


@click.command(
    epilog=examples(
        "tavus-callbacks local",
        "tavus-callbacks local --port 9000 --fresh",
        "tavus-callbacks local --hurry --tavus-api 429",
        "tavus-callbacks local --forward http://localhost:5000/webhook --forward-tag user:4711",
        "tavus-callbacks local --public-url https://example.trycloudflare.com",
        "tavus-callbacks local --parameter PushUrl=http://localhost:5000/pushes",
    )
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="N",
    default=DEFAULT_PORT,
    show_default=True,
    help="Port to listen on; 0 picks a free port.",
)
@click.option(
    "--public-url",
    callback=options.public_url,
    metavar="URL",
    help="Address of a tunnel to this port, for the printed callback URL.",
)
@click.option("--fresh", is_flag=True, help="Delete the previous run's tokens and data first.")
@click.option("--forward", callback=http_url, metavar="URL", help="Post every new event to this address.")
@click.option(
    "--forward-event-type",
    "event_types",
    shell_complete=completion.event_types,
    multiple=True,
    metavar="TYPE",
    help="Forward only events of this type, such as system.shutdown. Repeatable.",
)
@click.option(
    "--forward-tag",
    "tags",
    type=options.tag,
    multiple=True,
    metavar="NAME:VALUE",
    help="Forward only events with this tag. Repeatable.",
)
@click.option(
    "--ready",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write addresses and tokens to FILE (mode 0600) once the stack accepts requests.",
)
@click.option("--hurry", is_flag=True, help="Run schedules every second instead of every five minutes.")
@click.option(
    "--tavus-api",
    type=click.Choice(list(MODES)),
    default="healthy",
    show_default=True,
    help="How the local stand-in for Tavus's API responds.",
)
@options.template_parameters
def local(  # noqa: PLR0913 - one argument an option
    port: int,
    public_url: str | None,
    *,
    fresh: bool,
    forward: str | None,
    event_types: tuple[str, ...],
    tags: tuple[tuple[str, str], ...],
    ready: Path | None,
    hurry: bool,
    tavus_api: str,
    parameters: dict[str, str],
) -> None:
    """Run the whole stack on this machine.

    You do not need an AWS account. The command prints the callback URL and the next commands to try, and then
    a line for each callback.
    """
    from tavus_callbacks_cli.operations.events import EventFilter

    if (event_types or tags) and not forward:
        raise click.UsageError("--forward-event-type and --forward-tag need --forward.")
    filter_ = EventFilter(event_types=event_types, tags=tags)
    # A child process imports moto, and would name it in a log only.
    if find_spec("moto") is None:
        raise ModuleNotFoundError("No module named 'moto'", name="moto")
    # The line stands before the imports, which take a second.
    note("Starting the stack of template.yaml …")

    chosen = Options(
        port=port,
        public_url=public_url,
        fresh=fresh,
        parameters=parameters,
        hurry=hurry,
        tavus=MODES[tavus_api],
        console=_open_console,
    )
    # Ctrl-C ends the stack, and one_signal_ends makes SIGTERM equal to it.
    with contextlib.suppress(KeyboardInterrupt), one_signal_ends():
        _run(chosen, forward, filter_, ready)


def _open_console(stack: "RunningStack", gateway: "Gateway") -> "contextlib.AbstractContextManager[Site]":
    # Its imports take 0.3 s, and the services of the stack start meanwhile.
    from tavus_callbacks_cli.console.open import local_console

    return local_console(stack, gateway)


def _run(chosen: Options, forward: str | None, filter_: "EventFilter", ready: Path | None) -> None:
    from rich.console import Console

    from tavus_callbacks_cli.local_stack import console
    from tavus_callbacks_cli.local_stack.registry import write_ready_file

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

    with contextlib.ExitStack() as cleanup:
        stack = cleanup.enter_context(_start(chosen))
        if forward:
            wake = cleanup.enter_context(_forward(stack.running, forward, filter_, print_line))
            stack.gateway.watchers.append(wake)
        console.show_start(output, stack, forward)
        stack.gateway.watchers.append(show_exchange)
        stack.functions.watchers.append(show_failure)
        if ready:
            write_ready_file(ready, stack.running)
        _await_end(stack)


@contextlib.contextmanager
def _start(chosen: Options) -> "Iterator[LocalStack]":
    """Run the stack until the block ends, and show the steps of its start."""
    from tavus_callbacks_cli.local_stack.console import show_steps

    with contextlib.ExitStack() as cleanup:
        with show_steps() as report:
            from tavus_callbacks_cli.local_stack.stack import local_stack

            stack = cleanup.enter_context(local_stack(replace(chosen, report=report)))
        yield stack


def _await_end(stack: "LocalStack") -> NoReturn:
    """Wait for Ctrl-C; raises click.ClickException if the embedded services end before."""
    try:
        stack.services.ended.wait()
    except KeyboardInterrupt:
        note("Stopping …")
        raise
    log = argument(str(stack.state.logs / "embedded.log"))
    raise click.ClickException(f"The services that stand in for AWS ended. See {log}.")


@dataclass(frozen=True)
class _Alarm:
    """Lets the forwarding wait until a callback came, and ends it."""

    came: threading.Event = field(default_factory=threading.Event)
    is_over: threading.Event = field(default_factory=threading.Event)

    def watch(self, exchange: "Exchange") -> None:
        """Wake the forwarding if an exchange may have stored something."""
        if exchange.route.is_callback:
            self.came.set()

    def wait(self, seconds: float) -> None:
        """Wait, or end the thread."""
        if seconds:
            self.came.wait(max(seconds, _LOOK))
        self.came.clear()
        if self.is_over.is_set():
            raise SystemExit

    def end(self) -> None:
        """Let the next wait end the thread."""
        self.is_over.set()
        self.came.set()


@contextlib.contextmanager
def _forward(
    running: "RunningStack", url: str, filter_: "EventFilter", print_line: "Callable[[Text], None]"
) -> Iterator[Callable[["Exchange"], None]]:
    """Forward what the stack stores in a thread; yield a watcher of exchanges that wakes it."""
    from tavus_callbacks_cli.commands.forward import outcome_line
    from tavus_callbacks_cli.local_stack.console import note_line
    from tavus_callbacks_cli.operations.events import follow_events
    from tavus_callbacks_cli.operations.forward import forward
    from tavus_callbacks_cli.operations.post import open_poster
    from tavus_callbacks_cli.targets.choose import LocalTarget

    alarm, after = _Alarm(), iso(now())

    def report(sentence: str) -> None:
        # At the end the API is gone before the thread is.
        if not alarm.is_over.is_set():
            print_line(note_line(sentence, "red"))

    def work() -> None:
        try:
            with open_poster(url) as post, LocalTarget(running).open_api("read") as api:
                events = filter(filter_.matches, follow_events(api, after, report, alarm.wait))
                for outcome in forward(api, events, post, report):
                    print_line(outcome_line(outcome))
        except click.ClickException as error:
            report(f"Nothing more is forwarded. {error.message}")

    threading.Thread(target=work, name="forward", daemon=True).start()
    try:
        yield alarm.watch
    finally:
        alarm.end()
