"""The output of the local stack: how to use it, then one line for each callback.

Bodies are untrusted, so their content is printed with escaped control characters and never read as markup.
"""

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from tavus_callbacks.domain.common.token import replace_tokens
from tavus_callbacks_cli.local_stack.loopback import DEFAULT_PORT
from tavus_callbacks_cli.output import shell
from tavus_callbacks_cli.output.console import note
from tavus_callbacks_cli.output.text import escape

if TYPE_CHECKING:
    from pathlib import Path

    from tavus_callbacks_cli.local_stack.http.gateway import Exchange
    from tavus_callbacks_cli.local_stack.stack import LocalStack

_WIDTH = 32
_STYLES = {"stored": "green", "accepted": "yellow", "duplicate": "dim yellow", "erased": "dim"}


def printable(text: str, longest: int = 200) -> str:
    """Return text without tokens, with unprintable characters escaped, and shortened in the middle."""
    text = replace_tokens(text)
    shown = "".join(each if each.isprintable() else repr(each)[1:-1] for each in text[: 4 * longest])
    if len(shown) <= longest and len(text) <= 4 * longest:
        return shown
    ending = 8
    return f"{shown[: longest - ending - 1]}…{printable(text[-ending:], 6 * ending)}"


@contextlib.contextmanager
def show_steps() -> Iterator[Callable[[str], object]]:
    """Show what is under way on standard error: a terminal shows the current step, a log each one."""
    console = Console(stderr=True)
    if console.is_terminal:
        with console.status("Loading the local stack") as status:
            yield status.update
    else:
        yield note


def show_start(console: Console, stack: "LocalStack", forward: str | None) -> None:
    """Print how to use the stack."""
    running = stack.running
    target = ("--local", *(() if running.port == DEFAULT_PORT else ("--port", str(running.port))))
    fields = [
        *([("console", running.console_url)] if running.console_url else []),
        ("callback", escape(running.callback_url)),
        ("data", f"{shell.argument(str(stack.state.folder))} (--fresh deletes it)"),
        *([("forward", printable(forward))] if forward else []),
        *([("note", printable(stack.note, 1000))] if stack.note else []),
    ]
    for name, value in fields:
        console.print(Text.assemble((f"{name:<10}", "bold"), value), soft_wrap=True)
    commands = [
        "In a second terminal:",
        f"  {shell.command('simulate recording', options=target)}",
        f"  {shell.command('show latest', options=target)}",
        "Variables for the curl examples in the documentation:",
        f"  {running.export_line}",
        "Press Ctrl-C to stop. Your data is kept.",
    ]
    for line in commands:
        console.print(Text(line), soft_wrap=True)


def exchange_line(exchange: "Exchange", log: "Path") -> Text | None:
    """Return the line of a callback or of a function's failure; None if the exchange needs no line."""
    route, content, status = exchange.route, exchange.content(), exchange.answer.status
    if exchange.failure:
        name, where = f"{route.key}: {route.function}", shell.argument(str(log))
        return note_line(f"{name} failed: {exchange.failure}. See {where}.", "bold red")
    if not route.is_callback:
        return None
    if "status" not in content or status >= 400:  # noqa: PLR2004 - HTTP's border of errors
        reason = content.get("detail") or content.get("title") or content.get("message") or ""
        return note_line(f"refused  {status}  {reason}", "red")
    outcome = str(content["status"])
    kind, subject, event_type = (
        printable(str(content.get(name, "")), _WIDTH) for name in ("kind", "subject", "event_type")
    )
    line = note_line("")
    # Columns for the ids and types of conversations: such a line fits 80 columns.
    line.append(f"{kind:<12} ", "cyan").append(f"{subject:<17} ").append(f"{event_type:<31} ", "bold")
    line.append(printable(outcome), _STYLES.get(outcome, ""))
    for issue in content.get("issues") or []:
        text = issue if isinstance(issue, str) else json.dumps(issue, ensure_ascii=False)
        line.append(f"  {printable(text, 80)}", "yellow")
    return line


def note_line(text: str, style: str = "dim") -> Text:
    """Return a line of the stack itself, with the time."""
    return Text.assemble((time.strftime("%H:%M:%S "), "dim"), (printable(text), style))


def failure_line(function: str, reason: str, logs: "Path") -> Text:
    """Return the line of a function that failed after a trigger started it, without the traceback."""
    where = shell.argument(str(logs / f"{function}.log"))
    return note_line(f"{function} failed: {reason.partition(chr(10))[0]}. See {where}.", "bold red")
