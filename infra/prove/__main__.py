"""`make prove`: the options, the question before anything is deployed, and the printed results."""

import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.text import Text

from bench.cost import fixed_costs, load_stack
from prove.places import Aws, Local, Place, new_name
from prove.removal import require_own_name
from prove.report import UNVERIFIED, Report, Result, Status
from prove.steps import REMOVE, Proof, run, run_all
from tavus_callbacks_cli.commands import options
from tavus_callbacks_cli.local_stack.state import REPOSITORY
from tavus_callbacks_cli.output.console import note, print_json, print_line
from tavus_callbacks_cli.output.text import duration, escape, examples
from tavus_callbacks_cli.targets.aws_errors import aws_errors
from tavus_callbacks_cli.targets.aws_stack import open_session

if TYPE_CHECKING:
    from boto3 import Session

# The duration of a proof, most of it deployments. Assumed.
_HOURS = 1.5
_HOURS_OF_MONTH = 720
_STYLES: dict[Status, str] = {"passed": "green", "failed": "bold red", "skipped": "bright_black"}


@click.command(
    epilog=examples(
        'make prove ARGS="--region eu-central-1"',
        'make prove ARGS="--parameter AlarmEmail=you@example.com --outage 20m"',
        'make prove ARGS="--clean-up tavus-callbacks-prove-ab12cd"',
        "make prove ARGS=--local",
    )
)
@click.option(
    "--local", "is_local", is_flag=True, help="Run the steps on the local stack, without an account."
)
@click.option("--region", metavar="REGION", help="Region to deploy to. Default: your usual AWS region.")
@options.template_parameters
@click.option(
    "--outage",
    type=options.duration,
    metavar="SPAN",
    help="How long to deny access to the events table. Default: 5m, or 3s with --local.",
)
@click.option(
    "--reports",
    type=click.Path(file_okay=False, path_type=Path),
    default=REPOSITORY / ".local" / "prove",
    help="Folder for the reports. Default: .local/prove.",
)
@click.option("--clean-up", metavar="NAME", help="Only delete the stack that an earlier run left behind.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.option("--json", "is_json", is_flag=True, help="Print the report as JSON.")
def prove(  # noqa: PLR0913 - one argument an option
    *,
    is_local: bool,
    region: str | None,
    parameters: dict[str, str],
    outage: timedelta | None,
    reports: Path,
    clean_up: str | None,
    yes: bool,
    is_json: bool,
) -> None:
    """Deploy a temporary stack, test it, delete it, and write a report.

    The command runs doctor and all simulated scenarios, changes a parameter, denies access to the events
    table for some minutes, and rotates the signing keys. Nobody has run it on AWS yet, so it is unverified.
    """
    if is_local and (region or clean_up):
        raise click.UsageError("--local goes with neither --region nor --clean-up.")
    if own := parameters.keys() & {"ExpectRecording", "SigningKeys"}:
        raise click.UsageError(f"`make prove` sets {', '.join(sorted(own))} itself. Remove it from the line.")
    name = clean_up or new_name()
    require_own_name(name)
    place: Place = Local() if is_local else Aws(name, open_session(region), reports / f"{name}.log")
    report = Report(
        name, place.name, sorted(parameters), datetime.now(UTC), bill=fixed_costs(load_stack(parameters))
    )
    proof = Proof(place, report, parameters, outage or place.usual_outage)
    if isinstance(place, Aws):
        _ask(place.session, report, None if yes else "Delete it?" if clean_up else "Deploy and delete it?")
    path = report.write(reports)
    # A terminal shows the step that runs.
    status = Console(stderr=True).status(REMOVE.name)

    def show(result: Result) -> None:
        report.write(reports)
        status.stop()
        if not is_json:
            _print_result(result)
        status.start()

    try:
        with status:
            if clean_up:
                run(REMOVE, proof, show)
            else:
                run_all(proof, status.update, show)
    finally:
        _conclude(place, report, path, is_json=is_json)
    if not report.is_proven:
        click.get_current_context().exit(1)


def _ask(session: "Session", report: Report, question: str | None) -> None:
    if not session.region_name:
        raise click.UsageError("No AWS region is set: add --region, or set AWS_DEFAULT_REGION.")
    with aws_errors():
        account = session.client("sts").get_caller_identity()["Account"]
    price = sum(report.bill.values()) * _HOURS / _HOURS_OF_MONTH
    note(UNVERIFIED)
    note(f"Stack {report.stack}, account {account}, region {session.region_name}.")
    note(f"A run takes about {_HOURS} hours and costs about ${price:.2f}, plus a few cents for callbacks.")
    if question:
        click.confirm(question, abort=True, err=True)


def _conclude(place: Place, report: Report, path: Path, *, is_json: bool) -> None:
    if is_json:
        print_json(report.as_json())
    note(f"Report: {path}")
    is_removed = any(each.name == REMOVE.name and each.status == "passed" for each in report.results)
    if isinstance(place, Aws) and not is_removed:
        command = f"--clean-up {report.stack} --region {place.session.region_name}"
        note(f'Some resources may remain and cost money. Delete them: make prove ARGS="{command}"')


def _print_result(result: Result) -> None:
    style = _STYLES[result.status]
    head = (f"{result.status:<8}", style), f"{result.name:<18}{duration(result.seconds):>9}  "
    print_line(Text.assemble(*head, escape(result.seen)))


if __name__ == "__main__":
    # A kill by another program and a closed terminal end as Ctrl-C does: the stack is deleted.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    prove(prog_name="make prove")
