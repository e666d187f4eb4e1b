"""`tavus-callbacks reindex`: rebuild from the events what lists read."""

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
    """Rebuild the summaries and index entries that lists read.

    The command also adds recording and erasure entries that earlier versions did not write.

    Run it a quarter of an hour after an upgrade, or if a list differs from `show`. It does not change events.
    Callbacks can arrive while it runs, and you can stop it and run it again. It needs AWS credentials, or
    --local.
    """
    from tavus_callbacks.domain.common.timestamps import iso, now
    from tavus_callbacks_cli.operations.reindex import list_tombstones, note_coverage, subjects
    from tavus_callbacks_cli.targets.aws_errors import aws_errors, incomplete_errors

    with aws_errors():
        store = target.store()
        began_at, wanted = now(), subjects(store)
        with incomplete_errors("Start it again."):
            count = rebuild(store, wanted)
            again_at = note_coverage(store, began_at)
            list_tombstones(store)
    if is_json:
        print_json({"summaries": count, "again_at": again_at and iso(again_at)})
    else:
        note(f"Summaries rebuilt: {count}.")
        if again_at:
            note(f"Start it again after {iso(again_at)}: lists with a tag read the latest rows one by one.")


def rebuild(store: "Store", wanted: list[tuple[str, str]]) -> int:
    """Rebuild summaries behind a progress bar, and return how many."""
    from tavus_callbacks_cli.operations.reindex import rebuild_summaries

    summaries = rebuild_summaries(store, wanted)
    with click.progressbar(summaries, length=len(wanted), file=sys.stderr, label="rebuilding") as bar:
        return sum(1 for _ in bar)
