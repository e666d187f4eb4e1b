"""`tavus-callbacks doctor`: is a deployed stack right, each red line with its fix."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from tavus_callbacks_cli.commands.options import target_options
from tavus_callbacks_cli.output.console import note, print_json, print_line
from tavus_callbacks_cli.output.text import escape, examples
from tavus_callbacks_cli.targets.choose import Target

if TYPE_CHECKING:
    from rich.text import Text

    from tavus_callbacks_cli.doctor.checks import Result
    from tavus_callbacks_cli.doctor.examination import Examination, Status

# Seconds to wait for an event to go its way: a stream is read first after some of them.
_PATIENCE, _PATIENCE_HERE = 60, 15

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
    """Prove that a stack does what it is for.

    It sends a simulated callback and puts a test object, follows them, and removes its tokens and the object
    again; everything else is only looked at. Ends with 1 when a check fails.
    """
    from tavus_callbacks_cli.doctor.checks import examine

    results = examine(_examination(target), _pass_over if is_json else _show)
    if is_json:
        print_json({"target": target.name, "checks": [asdict(result) for result in results]})
    _conclude(results)


def _examination(target: Target) -> "Examination":
    from tavus_callbacks_cli.doctor.examination import Examination
    from tavus_callbacks_cli.doctor.probe import Probe

    deployment, tables = target.deployment(), target.tables()
    patience = _PATIENCE_HERE if deployment.is_local else _PATIENCE
    return Examination(deployment, tables, Probe(deployment, tables, patience))


def _pass_over(_result: "Result") -> None:
    """Keep standard output for the JSON at the end."""


def _show(result: "Result") -> None:
    print_line(_line(result))
    if result.fix:
        print_line(_fix(result.fix))


def _line(result: "Result") -> "Text":
    from rich.text import Text

    style = _STYLES[result.status]
    detail_style = style if result.status == "skipped" else ""
    return Text.assemble(
        (f"{result.status:<8}", style), f"{result.name:<16} ", (escape(result.detail), detail_style)
    )


def _fix(fix: str) -> "Text":
    from rich.text import Text

    return Text.assemble((" " * 8 + "fix: ", "bold"), escape(fix))


def _conclude(results: "list[Result]") -> None:
    failures = sum(result.status == "failed" for result in results)
    if failures:
        note(f"{failures} of {len(results)} checks failed.")
        click.get_current_context().exit(1)
    note("Everything that was looked at is right.")
