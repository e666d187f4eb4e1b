"""`tavus-callbacks pause` and `resume`: stop and start the functions that process stored events."""

import click

from tavus_callbacks_cli.commands.options import named_target_options, target_options
from tavus_callbacks_cli.output.console import note, print_json
from tavus_callbacks_cli.output.text import examples
from tavus_callbacks_cli.targets.choose import Target

# How long a stream of DynamoDB keeps its records.
STREAM_HOURS = 24

_STORED = (
    f"Callbacks are still stored. Resume within {STREAM_HOURS} hours, and nothing is lost. After that, "
    "`{reindex}` rebuilds the summaries, but recordings may not be found. Spilled callbacks wait for "
    "14 days, pushes for 4 days."
)
_LOST = (
    "Callbacks are now answered with 503. Tavus documents no retry, so you lose what it sends until `resume`."
)


@click.command(
    epilog=examples(
        "tavus-callbacks pause --stack tavus-callbacks",
        "tavus-callbacks pause --receiving --yes --stack tavus-callbacks",
    )
)
@click.option("--receiving", is_flag=True, help="Also stop receiving. Callbacks are then lost.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
@named_target_options
def pause(target: Target, *, receiving: bool, yes: bool, is_json: bool) -> None:
    """Pause the functions that process stored events.

    Callbacks are still received and stored. Summaries, recordings, pushes and repairs wait until `resume`,
    and then catch up. The command needs AWS credentials.
    """
    from tavus_callbacks_cli.operations.pause import require_aws, stop_receiving, switch_triggers
    from tavus_callbacks_cli.targets.aws_errors import aws_errors

    deployment = target.deployment()
    require_aws(deployment)
    if receiving and not yes:
        click.confirm("Refuse callbacks? Tavus does not send them again.", abort=True, err=True)
    with aws_errors():
        names = switch_triggers(deployment, on=False)
        if receiving:
            stop_receiving(deployment)
    if is_json:
        print_json({"paused": names, "receiving": not receiving})
    note(f"Paused: {', '.join(names)}.")
    note(_LOST if receiving else _STORED.format(reindex=deployment.command("reindex")))
    note(f"Next: {deployment.command('resume')}")


@click.command(epilog=examples("tavus-callbacks resume --stack tavus-callbacks"))
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
@target_options
def resume(target: Target, *, is_json: bool) -> None:
    """Resume the functions that `pause` stopped.

    They process everything that waits in streams and queues. The command needs AWS credentials.
    """
    from tavus_callbacks_cli.operations.pause import require_aws, start_receiving, switch_triggers
    from tavus_callbacks_cli.targets.aws_errors import aws_errors

    deployment = target.deployment()
    require_aws(deployment)
    with aws_errors():
        start_receiving(deployment)
        names = switch_triggers(deployment, on=True)
    if is_json:
        print_json({"resumed": names, "receiving": True})
    note(f"Started: {', '.join(names)}. Callbacks are received.")
    note(f"Next: {deployment.command('doctor')}")
