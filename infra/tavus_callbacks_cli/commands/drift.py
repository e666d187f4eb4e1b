"""`tavus-callbacks drift`: what Tavus sends otherwise than is known, since when and how often."""

import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from tavus_callbacks.domain.common.timestamps import iso
from tavus_callbacks_cli.commands import options
from tavus_callbacks_cli.commands.options import target_options
from tavus_callbacks_cli.output.console import note, print_json, print_table
from tavus_callbacks_cli.output.text import examples, moment, zone
from tavus_callbacks_cli.targets.choose import Target

if TYPE_CHECKING:
    from tavus_callbacks_cli.operations.drift import Sums


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
    help="Look at what was received from then on: 7d, or ISO 8601 (UTC).",
)
@click.option("--json", "is_json", is_flag=True, help="Print JSON.")
@target_options
def drift(target: Target, *, since: datetime, is_json: bool) -> None:
    """Show unknown event types, and unknown or re-typed properties.

    Each with since when and how often it came, and of how many events of its type. Nothing of it is lost:
    events are kept as they came, and read better after an upgrade. Ends with 1 where there is any.
    """
    sums = _read(target, iso(since))
    rows = sums.rows()
    if is_json:
        print_json({"since": iso(since), "events": sums.types.total(), "drift": rows})
    else:
        columns = ("what", "event type", "property", "count", "of", f"since ({zone()})", f"last ({zone()})")
        print_table(columns, map(_row, rows))
    _conclude(sums)


def _read(target: Target, since: str) -> "Sums":
    from tavus_callbacks_cli.operations.drift import Sums, received

    sums = Sums()
    # Nobody knows how many there are.
    with (
        target.open_api("read") as api,
        click.progressbar(
            received(api, since), file=sys.stderr, label="reading", show_eta=False, show_pos=True
        ) as events,
    ):
        for event in events:
            sums.add(event)
    return sums


def _row(row: dict[str, Any]) -> tuple[str, ...]:
    from tavus_callbacks_cli.operations.drift import words_of

    first, last = moment(row["first_received_at"]), moment(row["last_received_at"])
    counts = str(row["count"]), str(row["of"])
    return words_of(row["what"]), row["event_type"], row["path"] or "-", *counts, first, last


def _conclude(sums: "Sums") -> None:
    if sums.simulated:
        note(f"{sums.simulated} simulated events were passed over.")
    if not sums.places:
        note(f"No drift in {sums.types.total()} events.")
        return
    note("Next: docs/operations.md#driftalarm")
    raise SystemExit(1)
