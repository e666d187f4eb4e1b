"""`make prove`: the options, the question before anything is deployed, and the printed results."""

import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench.cost import fixed
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

# Seconds to wait for something on its way, and for a spilled callback: on AWS it is invisible for six minutes
# after a failed attempt, and a change of a role takes effect late.
_PATIENCE, _DRAIN_PATIENCE = 300.0, 1200.0
_LOCAL_PATIENCE, _LOCAL_DRAIN_PATIENCE = 20.0, 60.0
_OUTAGE, _LOCAL_OUTAGE = timedelta(minutes=5), timedelta(seconds=3)
# What a proof takes: deployments are most of it. Assumed.
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
@click.option("--region", metavar="REGION", help="Where to deploy; otherwise as AWS is set up.")
@click.option(
    "--parameter",
    "parameters",
    multiple=True,
    callback=options.pairs,
    metavar="NAME=VALUE",
    help="A parameter of the deployment; may be repeated.",
)
@click.option(
    "--outage",
    type=options.duration,
    metavar="SPAN",
    help="How long the store is denied; 5m by default, 3s with --local.",
)
@click.option(
    "--reports",
    type=click.Path(file_okay=False, path_type=Path),
    default=REPOSITORY / ".local" / "prove",
    help="Folder of the reports; .local/prove by default.",
)
@click.option("--clean-up", metavar="NAME", help="Only delete what an earlier proof left behind.")
@click.option("--yes", is_flag=True, help="Do not ask.")
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
    """Deploy a throw-away stack, prove that it works, delete it, and write a report.

    It runs the doctor and all simulated scenarios, changes a parameter, denies the store, and rotates the
    signing keys. Nobody has run this on AWS yet: until then it is unverified.
    """
    name = clean_up or new_name()
    require_own_name(name)
    place: Place = Local() if is_local else Aws(name, open_session(region), reports / f"{name}.log")
    bill = {line.name: line.dollars for line in fixed()}
    report = Report(name, place.name, sorted(parameters), datetime.now(UTC), bill=bill)
    patience = (_LOCAL_PATIENCE, _LOCAL_DRAIN_PATIENCE) if is_local else (_PATIENCE, _DRAIN_PATIENCE)
    span = outage or (_LOCAL_OUTAGE if is_local else _OUTAGE)
    proof = Proof(place, report, parameters, span, *patience)
    if isinstance(place, Aws):
        _show_account(place.session, report)
        if not yes:
            click.confirm(
                f"Delete {name}?" if clean_up else "Deploy it and delete it again?", abort=True, err=True
            )
    reports.mkdir(parents=True, exist_ok=True)
    # A kill by another program ends as Ctrl-C does: the stack is deleted.
    signal.signal(signal.SIGTERM, signal.default_int_handler)

    def show(result: Result) -> None:
        report.write(reports)
        if not is_json:
            _print_result(result)

    try:
        if clean_up:
            show(run(REMOVE, proof))
        else:
            run_all(proof, show)
    finally:
        path = report.write(reports)
        if is_json:
            print_json(report.as_json())
        note(f"Report: {path}")
        removal = next((each for each in report.results if each.name == REMOVE.name), None)
        if not is_local and (removal is None or removal.status != "passed"):
            where = f" --region {region}" if region else ""
            note(f'Something may be left and cost money: make prove ARGS="--clean-up {name}{where}"')
    if not report.is_proven:
        click.get_current_context().exit(1)


def _show_account(session: "Session", report: Report) -> None:
    with aws_errors():
        account = session.client("sts").get_caller_identity()["Account"]
    price = sum(report.bill.values()) * _HOURS / _HOURS_OF_MONTH
    note(UNVERIFIED)
    note(f"stack {report.stack}, account {account}, region {session.region_name}")
    note(f"price: about ${price:.2f} for {_HOURS:.1f} hours, and cents for a few hundred callbacks")


def _print_result(result: Result) -> None:
    from rich.text import Text

    style = _STYLES[result.status]
    head = (f"{result.status:<8}", style), f"{result.name:<18}{duration(result.seconds):>9}  "
    print_line(Text.assemble(*head, escape(result.seen)))


if __name__ == "__main__":
    prove(prog_name="make prove")
