"""Everything that is stuck in a target, as `tavus-callbacks problems --json` prints it."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from tavus_callbacks.domain.common.timestamps import iso
from tavus_callbacks_cli.targets.choose import Target, UrlTarget

if TYPE_CHECKING:
    from tavus_callbacks_cli.console.read_api import ReadApi

_SPAN = timedelta(days=7)


def list_problems(target: Target, api: "ReadApi") -> dict[str, Any]:
    """Return the problems, and notes about what could not be checked; raises click.ClickException."""
    # Its imports would delay the start of a local stack.
    from tavus_callbacks_cli.operations import problems

    notes: list[str] = []
    quarantine = None
    try:
        quarantine = api.client("quarantine")
    except click.UsageError as error:
        notes.append(error.message)
    leave_out = {} if target.is_local else {"simulated": "false"}
    filters = {"since": iso(datetime.now(UTC) - _SPAN), **leave_out}
    stuck = problems.list_problems(target, quarantine, api.client("read"), filters)
    if isinstance(target, UrlTarget):
        notes.append(problems.UNCHECKED)
    return {"problems": [asdict(problem) for problem in stuck], "notes": notes}
