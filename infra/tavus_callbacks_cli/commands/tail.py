"""`tavus-callbacks tail`: events as they are received."""

import contextlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from tavus_callbacks.domain.common.timestamps import iso
from tavus_callbacks_cli.commands import options
from tavus_callbacks_cli.commands.options import simulated_option, target_options
from tavus_callbacks_cli.output.console import note, print_json, print_line
from tavus_callbacks_cli.output.text import escape, examples, moment, tags
from tavus_callbacks_cli.targets.choose import Target

if TYPE_CHECKING:
    from rich.text import Text

# The indent of a line that goes on: below the kind.
_INDENT = 20


@click.command(
    epilog=examples(
        "tavus-callbacks tail --local",
        "tavus-callbacks tail --since 2h --tag user:4711 --stack tavus-callbacks",
        "tavus-callbacks tail --event-type system.shutdown --json | jq .subject",
    )
)
@click.option(
    "--since",
    type=options.moment,
    metavar="TIME",
    help="Begin there instead of now: 2h, or ISO 8601 (UTC).",
)
@click.option("--kind", type=options.KIND, help="Only events of this kind.")
@click.option("--event-type", metavar="TYPE", help="Only events of this type, as in system.shutdown.")
@click.option("--label", metavar="L", help="Only what came by the token of this label.")
@click.option(
    "--tag",
    "wanted",
    type=options.tag,
    multiple=True,
    metavar="NAME:VALUE",
    help="Only with this tag; repeatable.",
)
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object a line.")
@target_options
@simulated_option
def tail(  # noqa: PLR0913 - one argument an option
    target: Target,
    *,
    since: datetime | None,
    kind: str | None,
    event_type: str | None,
    label: str | None,
    wanted: tuple[tuple[str, str], ...],
    is_json: bool,
    leave_out: dict[str, str],
) -> None:
    """Show events as they are received, until Ctrl-C."""
    from tavus_callbacks_cli.operations.events import EventFilter, follow_events

    filter_ = EventFilter(kind, event_type, label, wanted, with_simulated=not leave_out)
    after = iso(since or datetime.now(UTC))
    # Ctrl-C is how it ends.
    with contextlib.suppress(KeyboardInterrupt), target.open_api("read") as api:
        for event in follow_events(api, after, lambda error: note(f"{error.message} Going on.")):
            if not filter_.matches(event):
                continue
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
