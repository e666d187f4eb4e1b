"""`tavus-callbacks forward`: post events to an application as they are received."""

import contextlib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tavus_callbacks.domain.common.timestamps import iso
from tavus_callbacks_cli.commands import options
from tavus_callbacks_cli.commands.options import follow_options, post_options
from tavus_callbacks_cli.commands.signals import one_signal_ends
from tavus_callbacks_cli.output import shell
from tavus_callbacks_cli.output.console import note, print_json, print_line
from tavus_callbacks_cli.output.text import escape, examples, moment
from tavus_callbacks_cli.targets.choose import Target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.text import Text

    from tavus_callbacks_cli.operations.events import EventFilter
    from tavus_callbacks_cli.operations.replay import Outcome

# The indent of a line that goes on: below the type.
_INDENT = 9


@click.command(
    epilog=examples(
        "tavus-callbacks forward --to http://localhost:3000/webhook --stack tavus-callbacks",
        "tavus-callbacks forward --to http://localhost:3000/webhook --since 2h --tag user:4711 --local",
        "tavus-callbacks forward --to https://localhost:3000/webhook --ca cert.pem --stack tavus-callbacks",
    )
)
@post_options
@follow_options
def forward(  # noqa: PLR0913 - one argument an option
    target: Target,
    *,
    url: str,
    ca: Path | None,
    is_insecure: bool,
    since: datetime | None,
    is_json: bool,
    filter_: "EventFilter",
) -> None:
    """Post events to your application as they arrive.

    The command polls the stack every second, so you do not have to open a port to the internet. Each line
    shows the time, event type, short id, status and milliseconds. An event that your application does not
    accept is posted three times.
    """
    from tavus_callbacks_cli.operations.events import follow_events
    from tavus_callbacks_cli.operations.forward import forward as forward_events
    from tavus_callbacks_cli.operations.post import open_poster

    after = iso(since or datetime.now(UTC))
    # Ctrl-C is how it ends.
    with (
        contextlib.suppress(KeyboardInterrupt),
        one_signal_ends(),
        open_poster(url, ca=ca, is_insecure=is_insecure) as post,
        target.open_api("read") as api,
    ):
        note("waiting for events, Ctrl-C to stop")
        events = filter(filter_.matches, follow_events(api, after, note))
        outcomes = forward_events(api, events, post, note)
        _print_outcomes(outcomes, is_json=is_json, again=(*options.words(filter_, target), *target.options))


def _print_outcomes(outcomes: "Iterator[Outcome]", *, is_json: bool, again: tuple[str, ...]) -> None:
    """Print each outcome, and at the end, also after an error, how many there were."""
    counts = {"taken": 0, "not taken": 0}
    first_lost = None
    try:
        for outcome in outcomes:
            is_taken = outcome["outcome"] == "taken"
            counts["taken" if is_taken else "not taken"] += 1
            first_lost = first_lost or (None if is_taken else outcome["received_at"])
            if is_json:
                print_json(outcome, indent=None)
            else:
                print_line(outcome_line(outcome), indent=_INDENT)
    finally:
        note(", ".join(f"{count} {outcome}" for outcome, count in counts.items()))
        if first_lost:
            command = shell.command("replay", options=("--since", first_lost, "--to", "URL", *again))
            note(f"`{command}` posts again what was received since the first that was not.")


def outcome_line(outcome: "Outcome") -> "Text":
    """Return what became of an event as one line."""
    from rich.text import Text

    line = Text.assemble((f"{moment(outcome['received_at'])[-8:]} ", "dim"))
    line.append(f"{escape(outcome['event_type']):<32} ", "bold").append(f"{escape(outcome['short_id']):<25} ")
    style = "green" if outcome["outcome"] == "taken" else "red"
    line.append(str(outcome["status_code"] or outcome["outcome"]), style)
    if outcome["milliseconds"] is not None:
        line.append(f" {outcome['milliseconds']:>4} ms")
    if outcome["reason"]:
        line.append(f"  {outcome['reason']}", style)
    return line
