"""`tavus-callbacks restore`: what a restored table has and the stack's table lacks, copied back."""

import sys
from collections import Counter
from typing import TYPE_CHECKING

import click

from tavus_callbacks_cli.commands.options import target_options
from tavus_callbacks_cli.output.console import note, print_json
from tavus_callbacks_cli.output.text import examples
from tavus_callbacks_cli.targets.choose import Target

if TYPE_CHECKING:
    from tavus_callbacks_cli.operations.restore import Copy, Erased
    from tavus_callbacks_cli.targets.store import Store


_QUARANTINE = (
    "Entries of quarantine are among them, and somebody was erased: no tombstone tells whom a text names. "
    "Erase again by the receipts that you have: `tavus-callbacks erase`."
)


@click.command(
    epilog=examples(
        "tavus-callbacks restore --from events-of-yesterday --dry-run --stack tavus-callbacks",
        "tavus-callbacks restore --from events-of-yesterday --stack tavus-callbacks",
    )
)
@click.option(
    "--from", "source", required=True, metavar="TABLE", help="The table that AWS restored beside the stack's."
)
@click.option("--dry-run", is_flag=True, help="Only count what would be copied.")
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
@target_options
def restore(target: Target, source: str, *, dry_run: bool, is_json: bool) -> None:
    """Copy back what a restored table has.

    Only what the stack's table lacks, for what is there is newer. What was erased or has expired is left
    out, tokens are not touched. Callbacks may go on coming, and it may be stopped and started again. Whoever
    listens to events is told of what comes back. It takes AWS credentials, or --local.
    """
    from tavus_callbacks_cli.operations.restore import quarantined, subjects
    from tavus_callbacks_cli.targets.aws_errors import aws_errors

    with aws_errors():
        store = target.store()
        copies = _copied(store, source, dry_run=dry_run)
        wanted = subjects(copies)
        summaries = 0 if dry_run else _rebuild(store, wanted)
    counts = Counter[str]()
    for copy, count in copies.items():
        counts[copy.outcome] += count
    found = {name: counts[name] for name in ("copied", "there", "expired", "erased")}
    if is_json:
        print_json({**found, "subjects": len(wanted), "summaries": summaries, "dry_run": dry_run})
    else:
        _say(found, len(wanted), dry_run=dry_run)
    if quarantined(copies) and _has_erased(store, source):
        note(_QUARANTINE)


def _copied(store: "Store", source: str, *, dry_run: bool) -> "Counter[Copy]":
    from tavus_callbacks_cli.operations.restore import restored, size_of

    copies = restored(store, source, _erased(store, source), dry_run=dry_run)
    with click.progressbar(copies, length=size_of(store, source), file=sys.stderr, label="copying") as bar:
        return Counter(bar)


def _erased(store: "Store", source: str) -> "Erased":
    """Tell who was erased: before the moment of the restored table, or after it."""
    from tavus_callbacks.aws.stores.tombstones import Tombstones

    both = [Tombstones(store.client, table) for table in (store.table, source)]
    return lambda partitions: both[0].among(partitions) | both[1].among(partitions)


def _has_erased(store: "Store", source: str) -> bool:
    from tavus_callbacks.aws.stores.tombstones import Tombstones

    return any(Tombstones(store.client, table).has_any() for table in (store.table, source))


def _rebuild(store: "Store", wanted: list[tuple[str, str]]) -> int:
    from tavus_callbacks_cli.operations.reindex import rebuild_summaries

    with click.progressbar(
        rebuild_summaries(store, wanted), length=len(wanted), file=sys.stderr, label="rebuilding"
    ) as bar:
        return sum(1 for _ in bar)


def _say(found: dict[str, int], subjects: int, *, dry_run: bool) -> None:
    would = "would be" if dry_run else "were"
    note(
        f"{found['copied']} rows of {subjects} subjects {would} copied; {found['there']} were there already."
    )
    if found["expired"] or found["erased"]:
        note(f"{found['expired']} had expired and {found['erased']} are of erased subjects: left out.")
