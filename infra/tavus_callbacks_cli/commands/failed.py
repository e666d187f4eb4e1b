"""`tavus-callbacks failed`: batches that functions could not process, and processing them again."""

from typing import TYPE_CHECKING, Any

import click

from tavus_callbacks_cli.commands import completion, options
from tavus_callbacks_cli.commands.options import named_target_options, target_options, wide_option
from tavus_callbacks_cli.output import shell
from tavus_callbacks_cli.output.console import note, print_json, print_table
from tavus_callbacks_cli.output.text import Times, examples
from tavus_callbacks_cli.targets.choose import Target

if TYPE_CHECKING:
    from tavus_callbacks_cli.operations.failed import Failure
    from tavus_callbacks_cli.targets.aws_stack import Deployment


@click.group(
    epilog=examples(
        "tavus-callbacks failed list --stack tavus-callbacks",
        "tavus-callbacks failed redrive --all --stack tavus-callbacks",
    )
)
def failed() -> None:
    """List and redrive events that a function could not process.

    These are records from the event stream, events from the recordings bucket, pushes that your server did
    not accept for a day, and dead letters of the spill queue and the push queue. The commands need AWS
    credentials, or --local.
    """


@failed.command(
    "list",
    epilog=examples(
        "tavus-callbacks failed list --local",
        "tavus-callbacks failed list --json --stack tavus-callbacks",
    ),
)
@wide_option
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
@target_options
def list_(target: Target, *, is_json: bool) -> None:
    """List failed batches, the oldest first.

    Each entry contains an event as its function received it, or only the records that failed.
    """
    from tavus_callbacks_cli.operations.failed import dead_letters, list_failures
    from tavus_callbacks_cli.targets.aws_errors import aws_errors

    deployment = target.deployment()
    with aws_errors():
        failures = list(list_failures(deployment))
        dead = dead_letters(deployment)
    if is_json:
        print_json(
            {"failed": [failure.as_json() for failure in failures], "dead_letters": sum(dead.values())}
        )
        return
    times = Times.of(each.failed_at for each in failures)
    columns = (times.head("failed"), "function", "records", "why", "id")
    rows = (
        (times.cell(each.failed_at), each.function, str(each.records), each.condition, each.key)
        for each in failures
    )
    print_table(columns, rows)
    for holds, count in dead.items():
        note(f"There are also {count} dead letters of {holds}. redrive --all moves them back.")
    if failures or dead:
        note(f"Next: {deployment.command('failed redrive', options=['--all'])}")
    else:
        note("Nothing has failed.")


@failed.command(
    epilog=examples(
        "tavus-callbacks failed redrive --all --dry-run --local",
        "tavus-callbacks failed redrive --all --stack tavus-callbacks",
        'tavus-callbacks failed redrive "$KEY" --stack tavus-callbacks',
    )
)
@options.id_argument(complete=completion.failures, required=False)
@click.option("--all", "is_all", is_flag=True, help="Redrive everything, including dead letters.")
@click.option("--dry-run", is_flag=True, help="Show which function would process what, and change nothing.")
@wide_option
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
@named_target_options
def redrive(target: Target, id_: str | None, *, is_all: bool, dry_run: bool, is_json: bool) -> None:
    """Send failed batches to their functions again.

    ID is an entry of `failed list`; `latest` is the entry that failed last. An entry is removed when all of
    its records succeed. If a record fails again, the entry stays and the exit code is 1.
    """
    from tavus_callbacks_cli.operations.failed import (
        choose_failures,
        dead_letters,
        list_failures,
        move_dead_letters,
    )
    from tavus_callbacks_cli.operations.ids import LATEST
    from tavus_callbacks_cli.targets.aws_errors import aws_errors

    if (id_ is None) != is_all:
        list_command = shell.command("failed list", options=target.options)
        raise click.UsageError(f"Add an ID of `{list_command}`, `latest`, or --all.")
    deployment, moved = target.deployment(), 0
    with aws_errors():
        failures = choose_failures(list(list_failures(deployment)), id_)
        if id_ == LATEST:
            if not failures:
                raise click.ClickException("Nothing has failed.")
            note(f"latest is {failures[0].key}")
        elif id_ is not None and not failures:
            raise click.ClickException(
                f"{shell.quote(id_)} is not in the list. `{deployment.command('failed list')}` shows it."
            )
        outcomes = _redrive(deployment, failures, dry_run=dry_run)
        if is_all:
            moved = sum(dead_letters(deployment).values()) if dry_run else move_dead_letters(deployment)
    if is_json:
        print_json({"failed": outcomes, "moved": moved})
    else:
        columns = ("outcome", "function", "records", "reason", "id")
        print_table(columns, ([str(outcome[name] or "") for name in columns] for outcome in outcomes))
        would = "would be moved" if dry_run else "moved"
        note(f"{len(outcomes)} batches. {moved} dead letters {would} back into their queues.")
    if any(outcome["outcome"] == "failed" for outcome in outcomes):
        raise SystemExit(1)


def _redrive(deployment: "Deployment", failures: "list[Failure]", *, dry_run: bool) -> list[dict[str, Any]]:
    """Return the outcome of each batch as JSON."""
    from tavus_callbacks_cli.operations.failed import redrive as redrive_batch
    from tavus_callbacks_cli.targets.functions import FunctionError, function_caller

    outcomes = []
    with function_caller(deployment) as invoke:
        for failure in failures:
            outcome, reason = "would be given" if dry_run else "taken", None
            try:
                if not dry_run:
                    redrive_batch(deployment, failure, invoke)
            except FunctionError as error:
                outcome, reason = "failed", str(error)
            outcomes.append({**failure.as_json(), "outcome": outcome, "reason": reason})
    return outcomes
