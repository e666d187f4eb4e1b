"""`tavus-callbacks restore`: copy data from a restored table that the stack's table lacks."""

import sys
from collections import Counter

import click

from tavus_callbacks_cli.commands.options import named_target_options
from tavus_callbacks_cli.commands.reindex import rebuild
from tavus_callbacks_cli.output import shell
from tavus_callbacks_cli.output.console import note, print_json
from tavus_callbacks_cli.output.text import examples
from tavus_callbacks_cli.targets.choose import Target

_QUARANTINE = (
    "Quarantined bodies were copied too, and they may contain ids that were erased. "
    "Erase those ids again: your receipts list them. `{command}`"
)


@click.command(
    epilog=examples(
        "tavus-callbacks restore --from events-of-yesterday --dry-run --stack tavus-callbacks",
        "tavus-callbacks restore --from events-of-yesterday --stack tavus-callbacks",
    )
)
@click.option("--from", "source", required=True, metavar="TABLE", help="Name of the table that AWS restored.")
@click.option("--dry-run", is_flag=True, help="Only count the rows to copy.")
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
@named_target_options
def restore(target: Target, source: str, *, dry_run: bool, is_json: bool) -> None:
    """Copy missing data from a restored table.

    A row that the stack already has stays as it is. Erased subjects and expired rows are not copied. Tokens
    do not change. The stack can receive callbacks meanwhile, and you can stop the command and run it again.
    Copied events are published to the event bus again. The command needs AWS credentials, or --local.
    """
    from tavus_callbacks_cli.operations.restore import Restore, copied_subjects, has_quarantine
    from tavus_callbacks_cli.targets.aws_errors import aws_errors

    with aws_errors():
        table = Restore(target.store(), source)
        rows, length = table.copy(dry_run=dry_run), table.row_count()
        with click.progressbar(rows, length=length, file=sys.stderr, label="copying") as bar:
            copies = Counter(bar)
        subjects = copied_subjects(copies)
        summaries = 0 if dry_run else rebuild(table.store, subjects)
    counts = dict.fromkeys(("copied", "there", "expired", "erased"), 0)
    for copy, count in copies.items():
        if copy.outcome in counts:
            counts[copy.outcome] += count
    if is_json:
        print_json({**counts, "subjects": len(subjects), "summaries": summaries, "dry_run": dry_run})
    else:
        would = "would be" if dry_run else "were"
        copied = f"{counts['copied']} rows of {len(subjects)} subjects {would} copied"
        note(f"{copied}. {counts['there']} were there already.")
        if counts["expired"] or counts["erased"]:
            note(f"Left out: {counts['expired']} expired rows, {counts['erased']} rows of erased subjects.")
    if has_quarantine(copies) and table.has_tombstones():
        erase = shell.command("erase", "KIND", "ID", options=target.options)
        note(_QUARANTINE.format(command=erase))
