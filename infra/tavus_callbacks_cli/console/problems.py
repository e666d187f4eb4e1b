"""Everything that is stuck in a target, as `tavus-callbacks problems --json` prints it."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from tavus_callbacks.domain.common.timestamps import iso
from tavus_callbacks_cli.targets.choose import Target, UrlTarget

if TYPE_CHECKING:
    from tavus_callbacks_cli.console.read_api import ReadApi
    from tavus_callbacks_cli.operations.problems import Problem

_SPAN = timedelta(days=7)


def list_problems(target: Target, api: "ReadApi") -> dict[str, Any]:
    """Return the problems, and notes about what could not be looked at; raises click.ClickException."""
    # These delay the start of a local stack.
    from tavus_callbacks_cli.operations.problems import (
        operator_problems,
        quarantine_problems,
        recording_problems,
    )

    notes: list[str] = []
    problems: list[Problem] = []
    try:
        problems += quarantine_problems(api.client("quarantine"))
    except click.UsageError as error:
        notes.append(error.message)
    leave_out = {} if target.is_local else {"simulated": "false"}
    since = iso(datetime.now(UTC) - _SPAN)
    problems += recording_problems(api.client("read"), {"since": since, **leave_out})
    if isinstance(target, UrlTarget):
        notes.append("The failed bucket and the spill need AWS credentials: use --stack NAME.")
    else:
        problems += operator_problems(target)
    return {"problems": [asdict(problem) for problem in problems], "notes": notes}
