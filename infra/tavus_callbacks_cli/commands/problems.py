"""`tavus-callbacks problems`: everything that is stuck, each line with the command to type next."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import click

from tavus_callbacks.domain.common.timestamps import iso
from tavus_callbacks_cli.commands import options
from tavus_callbacks_cli.commands.options import simulated_option, target_options
from tavus_callbacks_cli.output.console import note, print_json, print_table
from tavus_callbacks_cli.output.text import examples, moment, zone
from tavus_callbacks_cli.targets.choose import Target, UrlTarget


@click.command(
    epilog=examples(
        "tavus-callbacks problems --local",
        "tavus-callbacks problems --since 30d --json --stack tavus-callbacks",
    )
)
@click.option(
    "--since",
    type=options.moment,
    metavar="TIME",
    help="Look at recordings of conversations from then on: 7d, or ISO 8601 (UTC).",
)
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
@target_options
@simulated_option
def problems(target: Target, since: datetime | None, *, is_json: bool, leave_out: dict[str, str]) -> None:
    """Show what is stuck, and the command to type next.

    Quarantine, what functions could not process, the spill, pushes that wait, dead letters of both,
    recordings of the last seven days that are not there, and of a deployed stack its red alarms and what is
    paused. Ends with 1 where there is any.
    """
    from tavus_callbacks_cli.operations.problems import list_problems

    span = {"since": iso(since or datetime.now(UTC) - timedelta(days=7))}
    with target.open_api("quarantine") as quarantine, target.open_api("read") as read:
        problems = list_problems(target, quarantine, read, {**span, **leave_out})
    if isinstance(target, UrlTarget):
        note(
            "Without AWS credentials the failed bucket and the spill are not seen: --stack NAME looks there."
        )
    if is_json:
        print_json({"problems": [asdict(problem) for problem in problems]})
    else:
        rows = ((each.what, str(each.count), moment(each.since), each.next) for each in problems)
        print_table(("what", "count", f"since ({zone()})", "next"), rows)
    if problems:
        raise SystemExit(1)
    note("Nothing is stuck.")
