"""`tavus-callbacks tail`: events as they are received."""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from tavus_callbacks.domain.common.tags import is_tagged
from tavus_callbacks.domain.common.timestamps import iso
from tavus_callbacks_cli.commands import options
from tavus_callbacks_cli.commands.options import target_options
from tavus_callbacks_cli.output.console import note, print_json, print_wrapped
from tavus_callbacks_cli.output.text import escape, examples, moment, tags
from tavus_callbacks_cli.targets.choose import Target

if TYPE_CHECKING:
    from rich.text import Text

    from tavus_callbacks_cli.targets.api_client import ApiClient

# Where a line goes on that has no room: below the kind.
_INDENT = 20

# Seconds between two questions when nothing came.
_PAUSE = 1


@dataclass(frozen=True, slots=True)
class Filter:
    """What an event must be to be shown; None and no tags let everything through."""

    kind: str | None
    event_type: str | None
    label: str | None
    tags: tuple[tuple[str, str], ...]

    def fits(self, event: dict[str, Any]) -> bool:
        """Tell whether an event is wanted."""
        wanted = {"kind": self.kind, "event_type": self.event_type, "label": self.label}
        return all(value in (None, event[name]) for name, value in wanted.items()) and all(
            is_tagged(event["tags"], tag) for tag in self.tags
        )


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
def tail(  # noqa: PLR0913 - one argument an option
    target: Target,
    *,
    since: datetime | None,
    kind: str | None,
    event_type: str | None,
    label: str | None,
    wanted: tuple[tuple[str, str], ...],
    is_json: bool,
) -> None:
    """Show events as they are received, until Ctrl-C."""
    chosen = Filter(kind, event_type, label, wanted)
    after = iso(since or datetime.now(UTC))
    # Ctrl-C is how it ends.
    with contextlib.suppress(KeyboardInterrupt), target.open_api("read") as api:
        for event in filter(chosen.fits, received(api, after)):
            _show(event, is_json=is_json)


def received(api: "ApiClient", after: str) -> Iterator[dict[str, Any]]:
    """Yield every event received after a time or cursor, for ever; raises click.ClickException at first."""
    page = api.get("/events", {"after": after})
    while True:
        yield from page["events"]
        # A page with events may have more behind it.
        time.sleep(0 if page["events"] else _PAUSE)
        page = _next_page(api, page)


def _next_page(api: "ApiClient", page: dict[str, Any]) -> dict[str, Any]:
    from tavus_callbacks_cli.targets.api_client import Unavailable

    try:
        return api.get("/events", {"after": page["cursor"]})
    except Unavailable as error:
        note(f"{error.message} Going on.")
        return {"events": [], "cursor": page["cursor"]}


def _show(event: dict[str, Any], *, is_json: bool) -> None:
    if is_json:
        print_json(event, indent=None)
    else:
        print_wrapped(_line(event), _INDENT)


def _line(event: dict[str, Any]) -> "Text":
    from rich.text import Text

    kind, subject, event_type = (escape(event[name]) for name in ("kind", "subject", "event_type"))
    line = Text.assemble((f"{moment(event['received_at'])} ", "dim"), (f"{kind:<12} ", "cyan"))
    line.append(f"{subject:<18} ").append(f"{event_type:<36} ", "bold")
    line.append(escape(f"{event['label']} {tags(event['tags'])}".strip()), "dim")
    for issue in event["issues"]:
        line.append(f"  {escape(issue)}", "yellow")
    return line
