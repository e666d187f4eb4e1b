"""`tavus-callbacks tail`: events as they are received."""

import contextlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from tavus_callbacks.domain.common.timestamps import iso
from tavus_callbacks_cli.commands.options import follow_options
from tavus_callbacks_cli.output.console import note, print_json, print_line
from tavus_callbacks_cli.output.text import escape, examples, moment, tags
from tavus_callbacks_cli.targets.choose import Target

if TYPE_CHECKING:
    from rich.text import Text

    from tavus_callbacks_cli.operations.events import EventFilter

# The indent of a line that goes on: below the kind.
_INDENT = 20


@click.command(
    epilog=examples(
        "tavus-callbacks tail --local",
        "tavus-callbacks tail --since 2h --tag user:4711 --stack tavus-callbacks",
        "tavus-callbacks tail --event-type system.shutdown --json | jq .subject",
    )
)
@follow_options
def tail(target: Target, *, since: datetime | None, is_json: bool, filter_: "EventFilter") -> None:
    """Show events as they are received, until Ctrl-C."""
    from tavus_callbacks_cli.operations.events import follow_events

    after = iso(since or datetime.now(UTC))
    # Ctrl-C is how it ends.
    with contextlib.suppress(KeyboardInterrupt), target.open_api("read") as api:
        for event in filter(filter_.matches, follow_events(api, after, note)):
            if is_json:
                print_json(event, indent=None)
            else:
                print_line(event_line(event), indent=_INDENT)


def event_line(event: dict[str, Any]) -> "Text":
    """Return an event as one line."""
    from rich.text import Text

    kind, subject, event_type = (escape(event[name]) for name in ("kind", "subject", "event_type"))
    line = Text.assemble((f"{moment(event['received_at'])} ", "dim"), (f"{kind:<12} ", "cyan"))
    line.append(f"{subject:<18} ").append(f"{event_type:<36} ", "bold")
    line.append(escape(f"{event['label']} {tags(event['tags'])}".strip()), "dim")
    for issue in event["issues"]:
        line.append(f"  {escape(issue)}", "yellow")
    return line
