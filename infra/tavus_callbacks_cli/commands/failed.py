"""`tavus-callbacks failed`: what functions could not process, and giving it to them again."""

from typing import TYPE_CHECKING, Any

import click

from tavus_callbacks_cli.commands.options import target_options
from tavus_callbacks_cli.output.console import note, print_json, print_table
from tavus_callbacks_cli.output.shell import quote
from tavus_callbacks_cli.output.text import examples, moment, zone
from tavus_callbacks_cli.targets.choose import Target

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tavus_callbacks_cli.operations.redrive_failed import Failure, Invoke
    from tavus_callbacks_cli.targets.aws_stack import Deployment


@click.group(
    epilog=examples(
        "tavus-callbacks failed list --stack tavus-callbacks",
        "tavus-callbacks failed redrive --all --stack tavus-callbacks",
    )
)
def failed() -> None:
    """Look at what functions could not process.

    Records of the event stream, events of the bucket, pushes that nobody took for a day, and the dead letters
    of the spill and of the queue of pushes.
    It takes AWS credentials, or --local.
    """


@failed.command(
    "list",
    epilog=examples(
        "tavus-callbacks failed list --local",
        "tavus-callbacks failed list --json --stack tavus-callbacks",
    ),
)
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
@target_options
def list_(target: Target, *, is_json: bool) -> None:
    """List what failed, the oldest first.

    Each entry is one batch of records, whole, as its function was given it.
    """
    from tavus_callbacks_cli.operations.redrive_failed import dead_letters, failures
    from tavus_callbacks_cli.targets.aws_errors import aws_errors

    deployment = target.deployment()
    with aws_errors():
        found = list(failures(deployment))
        dead = dead_letters(deployment)
    if is_json:
        print_json({"failed": [_described(one) for one in found], "dead_letters": sum(dead.values())})
        return
    columns = (f"failed ({zone()})", "function", "records", "why", "id")
    print_table(columns, map(_row, found))
    _advise(deployment, has_failed=bool(found), dead=dead)


@failed.command(
    epilog=examples(
        "tavus-callbacks failed redrive --all --dry-run --local",
        "tavus-callbacks failed redrive --all --stack tavus-callbacks",
        'tavus-callbacks failed redrive "$KEY" --stack tavus-callbacks',
    )
)
@click.argument("id_", metavar="[ID]", required=False)
@click.option("--all", "is_all", is_flag=True, help="Everything, dead letters too.")
@click.option("--dry-run", is_flag=True, help="Only say what would be given to which function.")
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
@target_options
def redrive(target: Target, id_: str | None, *, is_all: bool, dry_run: bool, is_json: bool) -> None:
    """Give what failed to its function again.

    An entry is removed once all of it was taken; what fails again stays. Ends with 1 where something did.
    """
    from tavus_callbacks_cli.targets.aws_errors import aws_errors

    if (id_ is None) != is_all:
        raise click.UsageError("Name one ID of `tavus-callbacks failed list`, or --all.")
    deployment = target.deployment()
    with aws_errors():
        chosen = _chosen(deployment, id_)
        outcomes = [_would_be(one) for one in chosen] if dry_run else _redriven(deployment, chosen)
        moved = _moved(deployment, dry_run=dry_run) if is_all else 0
    _print(outcomes, moved, dry_run=dry_run, is_json=is_json)
    if any(outcome["outcome"] == "failed" for outcome in outcomes):
        raise SystemExit(1)


def _chosen(deployment: "Deployment", key: str | None) -> "list[Failure]":
    from tavus_callbacks_cli.operations.redrive_failed import failures

    found = [one for one in failures(deployment) if key in (None, one.key)]
    if key is not None and not found:
        raise click.ClickException(f"{quote(key)} is not there: `tavus-callbacks failed list` names what is.")
    return found


def _redriven(deployment: "Deployment", chosen: "Iterable[Failure]") -> list[dict[str, Any]]:
    from tavus_callbacks_cli.operations.redrive_failed import invoking

    with invoking(deployment) as invoke:
        return [_outcome(deployment, one, invoke) for one in chosen]


def _outcome(deployment: "Deployment", one: "Failure", invoke: "Invoke") -> dict[str, Any]:
    from tavus_callbacks_cli.operations.redrive_failed import NotTaken, redrive

    try:
        redrive(deployment, one, invoke)
    except NotTaken as error:
        return {**_described(one), "outcome": "failed", "reason": str(error)}
    return {**_described(one), "outcome": "taken", "reason": None}


def _would_be(one: "Failure") -> dict[str, Any]:
    return {**_described(one), "outcome": "would be given", "reason": None}


def _moved(deployment: "Deployment", *, dry_run: bool) -> int:
    from tavus_callbacks_cli.operations.redrive_failed import dead_letters, move_dead

    return sum(dead_letters(deployment).values()) if dry_run else move_dead(deployment)


def _described(one: "Failure") -> dict[str, Any]:
    return {
        "id": one.key,
        "failed_at": one.failed_at,
        "function": one.function,
        "condition": one.condition,
        "records": one.records,
    }


def _row(one: "Failure") -> tuple[str, ...]:
    return moment(one.failed_at), one.function, str(one.records), one.condition, one.key


def _advise(deployment: "Deployment", *, has_failed: bool, dead: dict[str, int]) -> None:
    for holds, count in dead.items():
        note(f"Besides, {count} {holds} are dead letters; redrive --all moves them too.")
    if has_failed or dead:
        note(f"Next: {deployment.command('failed redrive', options=['--all'])}")
    else:
        note("Nothing has failed.")


def _print(outcomes: list[dict[str, Any]], moved: int, *, dry_run: bool, is_json: bool) -> None:
    if is_json:
        print_json({"failed": outcomes, "moved": moved})
        return
    columns = ("outcome", "function", "records", "reason", "id")
    values = ([str(one[name] or "") for name in columns] for one in outcomes)
    print_table(columns, values)
    would = "would be" if dry_run else "were"
    note(f"{len(outcomes)} batches; {moved} dead letters {would} moved into their queues.")
