"""`tavus-callbacks problems`: everything that is stuck, each line with the command to type next."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import click

from tavus_callbacks.domain.common.timestamps import iso
from tavus_callbacks_cli.commands import options
from tavus_callbacks_cli.commands.options import simulated_option, target_options, wide_option
from tavus_callbacks_cli.output.console import note, print_json, print_table
from tavus_callbacks_cli.output.text import Times, examples
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
    help="Check conversations received since then: 30d, or ISO 8601 (UTC). Default: 7d.",
)
@wide_option
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
@target_options
@simulated_option
def problems(target: Target, since: datetime | None, *, is_json: bool, leave_out: dict[str, str]) -> None:
    """List what is stuck, with the command to run next.

    The command checks the quarantine, failed batches, queues and dead letters. It lists overdue transcripts
    and perception analyses, and recordings that are not available. On a deployed stack, it also lists red
    alarms and paused functions. The exit code is 1 if anything is stuck.
    """
    from tavus_callbacks_cli.operations.problems import UNCHECKED, list_problems

    span = {"since": iso(since or datetime.now(UTC) - timedelta(days=7))}
    with target.open_api("quarantine") as quarantine, target.open_api("read") as read:
        problems = list_problems(target, quarantine, read, {**span, **leave_out})
    if isinstance(target, UrlTarget):
        note(UNCHECKED)
    if is_json:
        print_json({"problems": [asdict(problem) for problem in problems]})
    elif problems:
        times = Times.of(each.since for each in problems)
        rows = ((each.what, str(each.count), times.cell(each.since), each.next) for each in problems)
        print_table(("what", "count", times.head("since"), "next"), rows)
    if problems:
        raise SystemExit(1)
    note("Nothing is stuck.")
