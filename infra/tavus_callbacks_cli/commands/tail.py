"""`tavus-callbacks tail`: events and refused callbacks as they are received."""

import contextlib
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from tavus_callbacks.domain.common.timestamps import iso
from tavus_callbacks_cli.commands.options import follow_options
from tavus_callbacks_cli.output.console import note, print_json, print_line
from tavus_callbacks_cli.output.text import Times, escape, examples, tags
from tavus_callbacks_cli.targets.choose import OWN_LABEL, Target

if TYPE_CHECKING:
    from rich.text import Text

    from tavus_callbacks_cli.operations.events import EventFilter

# The indent of a line that goes on: below the event type.
_INDENT = 15

# Seconds between two requests for refused callbacks; on AWS each of them costs four queries.
_LOCAL_PAUSE, _PAUSE = 1.0, 5.0


@click.command(
    epilog=examples(
        "tavus-callbacks tail --local",
        "tavus-callbacks tail --since 2h --tag user:4711 --stack tavus-callbacks",
        "tavus-callbacks tail --event-type system.shutdown --json --local | jq .subject",
    )
)
@follow_options
def tail(target: Target, *, since: datetime | None, is_json: bool, filter_: "EventFilter") -> None:
    """Show events as they are received, until Ctrl-C.

    Quarantined callbacks are shown too, except with --kind, --event-type or --json.
    """
    from tavus_callbacks_cli.operations.events import follow_events

    after, times = iso(since or datetime.now(UTC)), Times.of(())
    refused = iter(()) if is_json else _show_refused(target, after, times, filter_)

    def wait(seconds: float) -> None:
        next(refused, None)
        time.sleep(seconds)

    # Ctrl-C is how it ends.
    with contextlib.suppress(KeyboardInterrupt), target.open_api("read") as api:
        zone = "" if is_json else f"; times are in {times.zone}"
        note(f"waiting for events, Ctrl-C to stop{zone}")
        for event in filter(filter_.matches, follow_events(api, after, note, wait)):
            if is_json:
                print_json(event, indent=None)
            else:
                print_line(event_line(event, times, _sender(target, event)), indent=_INDENT)


def _show_refused(target: Target, after: str, times: Times, filter_: "EventFilter") -> Iterator[None]:
    """Print at each step what was refused since the last one; end with a note if that is not possible."""
    from tavus_callbacks_cli.operations.refused import follow_refused

    try:
        with target.open_api("quarantine") as api:
            for entries in follow_refused(api, after, _LOCAL_PAUSE if target.is_local else _PAUSE):
                for entry in entries:
                    if filter_.matches({"kind": None, "event_type": None, **entry}):
                        print_line(refused_line(entry, times, _sender(target, entry)), indent=_INDENT)
                yield
    except click.ClickException as error:
        note(f"Refused callbacks are not shown. {error.message}")


def _sender(target: Target, item: dict[str, Any]) -> str:
    """Return the label and the tags, without the label that nearly every event of a local stack has."""
    is_own = target.is_local and item["label"] == OWN_LABEL
    return escape(" ".join(filter(None, ("" if is_own else item["label"], tags(item["tags"])))))


def event_line(event: dict[str, Any], times: Times, sender: str) -> "Text":
    """Return an event as one line; `sender` is its label and tags."""
    from rich.text import Text

    kind, subject, event_type = (escape(event[name]) for name in ("kind", "subject", "event_type"))
    line = Text.assemble(
        (f"{times.cell(event['received_at']).short} ", "dim"), (f"{event_type:<31} ", "bold")
    )
    # The types of other events seldom name their kind.
    line.append(f"{subject if kind == 'conversation' else f'{kind} {subject}':<18} ", "cyan")
    line.append(sender, "dim")
    for issue in event["issues"]:
        line.append(f"  {escape(issue)}", "yellow")
    return line


def refused_line(entry: dict[str, Any], times: Times, sender: str) -> "Text":
    """Return an entry of quarantine as one line, with the id under which `quarantine show` finds it."""
    from rich.text import Text

    from tavus_callbacks_cli.operations.ids import shorten_quarantine_id

    line = Text.assemble((f"{times.cell(entry['last_received_at']).short} ", "dim"), ("refused ", "bold red"))
    line.append(f"{entry['status']} {escape(entry['detail'])} ")
    line.append(sender, "dim")
    return line.append(f"  {shorten_quarantine_id(entry['quarantine_id']).short}", "yellow")
