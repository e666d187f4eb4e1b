"""`tavus-callbacks reindex`: rebuild the summaries that lists read from the events."""

import sys
from typing import TYPE_CHECKING

import click

from tavus_callbacks_cli.commands.options import target_options
from tavus_callbacks_cli.output.console import note, print_json
from tavus_callbacks_cli.output.text import examples
from tavus_callbacks_cli.targets.choose import Target

if TYPE_CHECKING:
    from tavus_callbacks_cli.targets.store import Store


@click.command(
    epilog=examples(
        "tavus-callbacks reindex --stack tavus-callbacks",
        "tavus-callbacks reindex --local",
    )
)
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
@target_options
def reindex(target: Target, *, is_json: bool) -> None:
    """Make the summaries anew that lists and stats read.

    It also writes the claims of recordings that earlier versions did not write.

    After an upgrade that reads callbacks better, or where lists differ from what `show` says. Events are only
    read, callbacks may go on coming, and it may be stopped and started again. It takes AWS credentials, or
    --local.
    """
    from tavus_callbacks_cli.operations.reindex import subjects
    from tavus_callbacks_cli.targets.aws_errors import aws_errors, incomplete_errors

    with aws_errors():
        store = target.store()
        wanted = subjects(store)
        with incomplete_errors("Start it again."):
            count = rebuild(store, wanted)
    if is_json:
        print_json({"summaries": count})
    else:
        note(f"{count} summaries are made anew.")


def rebuild(store: "Store", wanted: list[tuple[str, str]]) -> int:
    """Rebuild summaries behind a progress bar, and return how many."""
    from tavus_callbacks_cli.operations.reindex import rebuild_summaries

    summaries = rebuild_summaries(store, wanted)
    with click.progressbar(summaries, length=len(wanted), file=sys.stderr, label="rebuilding") as bar:
        return sum(1 for _ in bar)
