"""`tavus-callbacks drift`: where Tavus's callbacks differ from the models, since when and how often."""

import sys
from datetime import datetime

import click

from tavus_callbacks.domain.common.timestamps import iso
from tavus_callbacks_cli.commands import options
from tavus_callbacks_cli.commands.options import simulated_option, target_options, wide_option
from tavus_callbacks_cli.output.console import note, print_json, print_table
from tavus_callbacks_cli.output.text import Times, examples
from tavus_callbacks_cli.targets.choose import Target


@click.command(
    epilog=examples(
        "tavus-callbacks drift --local",
        "tavus-callbacks drift --since 1d --json --stack tavus-callbacks",
    )
)
@click.option(
    "--since",
    type=options.moment,
    default="7d",
    show_default=True,
    metavar="TIME",
    help="Only events received since then: 7d, or ISO 8601 (UTC).",
)
@wide_option
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
@target_options
@simulated_option
def drift(target: Target, *, since: datetime, is_json: bool, leave_out: dict[str, str]) -> None:
    """Show unknown event types, and unknown or changed properties.

    Each row shows the first and last time, the count, and the number of events of that type. Nothing is lost:
    events are stored as sent, and a later version may understand more of them. The exit code is 1 if there is
    drift.
    """
    from tavus_callbacks_cli.operations.drift import WORDS, DriftCounts

    counts = DriftCounts(with_simulated=not leave_out)
    with target.open_api("read") as api:
        events = api.events_since(iso(since))
        # The number of events is not known.
        with click.progressbar(
            events, file=sys.stderr, label="reading", show_eta=False, show_pos=True
        ) as bar:
            for event in bar:
                counts.add(event)
    rows = counts.rows()
    if is_json:
        print_json({"since": iso(since), "events": counts.types.total(), "drift": rows})
    else:
        times = Times.of(row[name] for row in rows for name in ("first_received_at", "last_received_at"))
        heads = times.head("since"), times.head("last")
        columns = ("what", "event type", "property", "count", "of", *heads)
        cells = (
            (
                *(WORDS[row["what"]], row["event_type"], row["path"] or "-"),
                *(str(row["count"]), str(row["of"])),
                *(times.cell(row["first_received_at"]), times.cell(row["last_received_at"])),
            )
            for row in rows
        )
        print_table(columns, cells, optional=("last",))
    if counts.simulated:
        note(f"{counts.simulated} simulated events are not counted. --simulated includes them.")
    if rows:
        note("Next: read the runbook DriftAlarm in functions/tavus_callbacks/runbooks.md.")
        raise SystemExit(1)
    note(f"No drift in {counts.types.total()} events.")
