"""`tavus-callbacks doctor`: check a stack; each check that fails has a fix."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from tavus_callbacks_cli.commands.options import target_options
from tavus_callbacks_cli.output.console import note, print_json, print_line, progress_bar
from tavus_callbacks_cli.output.text import escape, examples
from tavus_callbacks_cli.targets.choose import Target

if TYPE_CHECKING:
    from tavus_callbacks_cli.doctor.checks import Result
    from tavus_callbacks_cli.doctor.examination import Status

# Seconds to wait for an event: AWS takes some of them before it first reads a stream.
_PATIENCE, _PATIENCE_HERE = 60, 15

_STATUS_WIDTH, _NAME_WIDTH = 8, 17
# People copy commands, so a terminal does not wrap them.
_COMMAND = re.compile(r"`[^`]+`[.,]?")

_STYLES: "dict[Status, str]" = {
    "ok": "green",
    "warning": "yellow",
    "failed": "bold red",
    "skipped": "bright_black",
}


@click.command(
    epilog=examples(
        "tavus-callbacks doctor --stack tavus-callbacks",
        "tavus-callbacks doctor --local",
        "tavus-callbacks doctor --json --stack tavus-callbacks | jq '.checks[].fix'",
    )
)
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
@target_options
def doctor(target: Target, *, is_json: bool) -> None:
    """Check that a stack works.

    The command sends a simulated callback, uploads a test object and checks that both arrive. Then it removes
    the test conversation, the object and its own tokens. It changes nothing else.

    The exit code is 1 if a check fails.
    """
    from tavus_callbacks_cli.doctor.checks import examine
    from tavus_callbacks_cli.doctor.examination import Examination
    from tavus_callbacks_cli.doctor.probe import Probe

    deployment = target.deployment()
    tables, patience = deployment.tables, _PATIENCE_HERE if deployment.is_local else _PATIENCE
    examination = Examination(deployment, tables, Probe(deployment, tables, patience))
    # With --json, standard output has only the JSON at the end.
    results = examine(examination, lambda result: None if is_json else _print_result(result), _show_check)
    if is_json:
        print_json({"target": target.name, "checks": [asdict(result) for result in results]})
    failures = sum(result.status == "failed" for result in results)
    if failures:
        note(f"{failures} of {len(results)} checks failed.")
        click.get_current_context().exit(1)
    warnings = sum(result.status == "warning" for result in results)
    note(f"No check failed; warnings: {warnings}." if warnings else "All checks passed.")


@contextmanager
def _show_check(name: str) -> Iterator[None]:
    """Show the name of a check while it runs: some wait for the stack for a minute."""
    from rich.progress import SpinnerColumn, TextColumn

    with progress_bar(SpinnerColumn(), TextColumn("{task.description}"), transient=True) as bar:
        bar.add_task(name, total=None)
        yield


def _print_result(result: "Result") -> None:
    from rich.text import Text

    style = _STYLES[result.status]
    detail = (escape(result.detail), style if result.status == "skipped" else "")
    line = Text.assemble(
        (f"{result.status:<{_STATUS_WIDTH}}", style), f"{result.name:<{_NAME_WIDTH}}", detail
    )
    print_line(line, indent=_STATUS_WIDTH + _NAME_WIDTH)
    if result.fix:
        head, fix = " " * _STATUS_WIDTH + ("note: " if result.status == "ok" else "fix: "), escape(result.fix)
        print_line(Text.assemble((head, "bold"), fix), indent=len(head), units=_COMMAND.findall(fix))
