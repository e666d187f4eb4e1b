"""`tavus-callbacks pause` and `resume`: stop the work on stored events, and say what is lost meanwhile."""

import click

from tavus_callbacks_cli.commands.options import named_target_options, target_options
from tavus_callbacks_cli.output.console import note, print_json
from tavus_callbacks_cli.output.text import examples
from tavus_callbacks_cli.targets.choose import Target

# Hours that a stream of DynamoDB holds its records.
STREAM_HOURS = 24

_KEPT_ON = (
    "Callbacks go on being kept. Nothing is lost for less than "
    f"{STREAM_HOURS} hours: the stream holds its records that long, the spill its messages for 14 days, "
    "pushes that wait for a server 4 days. "
    "After that summaries are made anew by `tavus-callbacks reindex`, claims of recordings are not."
)
_LOST = (
    "Callbacks are answered 503 from now on. Tavus documents no second attempt: "
    "what it sends meanwhile is lost."
)


@click.command(
    epilog=examples(
        "tavus-callbacks pause --stack tavus-callbacks",
        "tavus-callbacks pause --receiving --yes --stack tavus-callbacks",
    )
)
@click.option("--receiving", is_flag=True, help="Take no callbacks either; what is sent meanwhile is lost.")
@click.option("--yes", is_flag=True, help="Do not ask before --receiving.")
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
@named_target_options
def pause(target: Target, *, receiving: bool, yes: bool, is_json: bool) -> None:
    """Pause the functions that process stored events.

    Summaries, recordings, pushes, the spill and the look at what is open wait; callbacks go on being received
    and kept, and after `resume` what was stopped catches up. It takes AWS credentials.
    """
    from tavus_callbacks_cli.operations.pause import require_aws, stop_receiving, switch_triggers
    from tavus_callbacks_cli.targets.aws_errors import aws_errors

    deployment = target.deployment()
    require_aws(deployment)
    if receiving and not yes:
        click.confirm(f"{_LOST} Stop receiving?", abort=True, err=True)
    with aws_errors():
        names = switch_triggers(deployment, on=False)
        if receiving:
            stop_receiving(deployment)
    if is_json:
        print_json({"paused": names, "receiving": not receiving})
    note(f"Paused: {', '.join(names)}.")
    note(_LOST if receiving else _KEPT_ON)
    note(f"Next: {deployment.command('resume')}")


@click.command(epilog=examples("tavus-callbacks resume --stack tavus-callbacks"))
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
@target_options
def resume(target: Target, *, is_json: bool) -> None:
    """Start the functions again that `pause` paused.

    Streams and queues are caught up with, and what is open is looked at again. It takes AWS credentials.
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
    note(f"Started: {', '.join(names)}; callbacks are received.")
    note(f"Next: {deployment.command('doctor')}")
