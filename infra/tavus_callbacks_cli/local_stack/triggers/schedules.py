"""Schedules: start functions at intervals, the next start after the previous one has ended.

Only rates are supported: nobody waits for a time of day at a local stack.
"""

import contextlib
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tavus_callbacks_cli.local_stack.functions.local_function import FunctionFailed
from tavus_callbacks_cli.local_stack.template.intrinsics import uninterpretable

if TYPE_CHECKING:
    from tavus_callbacks_cli.local_stack.template.template import Template

_RATE = re.compile(r"rate\(([0-9]+) (minute|hour|day)s?\)")
_SECONDS = {"minute": 60, "hour": 3600, "day": 86400}
_SECONDS_TO_END = 2


@dataclass(frozen=True)
class Schedule:
    """The seconds between starts, and the logical ids of the functions."""

    seconds: float
    functions: tuple[str, ...]


def schedules_of(template: "Template") -> list[Schedule]:
    """Return the enabled schedules of a template; raises click.ClickException for unsupported ones."""
    schedules = []
    for rule in template.of_type("AWS::Events::Rule"):
        if "ScheduleExpression" not in rule.properties or rule.properties.get("State") == "DISABLED":
            continue
        expression = rule.properties["ScheduleExpression"]
        match = _RATE.fullmatch(expression)
        if match is None:
            remedy = "give it a rate(…), or let local_stack/triggers/schedules.py interpret it"
            raise uninterpretable(rule.logical_id, expression, remedy)
        functions = tuple(template.function(target["Arn"]) for target in rule.properties["Targets"])
        schedules.append(Schedule(int(match[1]) * _SECONDS[match[2]], functions))
    return schedules


@contextlib.contextmanager
def run_schedule(schedule: Schedule, invoke: Callable[[str, Any], Any], *, hurry: bool) -> Iterator[None]:
    """Start a schedule's functions again and again until the block ends, first after one interval."""
    ended = threading.Event()
    seconds = 1.0 if hurry else schedule.seconds

    def run() -> None:
        while not ended.wait(seconds):
            for function in schedule.functions:
                # The watchers of the functions are notified of failures.
                with contextlib.suppress(FunctionFailed):
                    invoke(function, {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}})

    thread = threading.Thread(target=run, name="schedule", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        # A longer run ends with the worker of its function.
        thread.join(_SECONDS_TO_END)
