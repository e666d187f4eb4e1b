"""Schedules: functions that are started by time alone, one start after the other has ended.

Rates alone: nobody at a local stack waits for a time of day.
"""

import contextlib
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tavus_callbacks_cli.local_stack.functions.functions import FunctionFailed
from tavus_callbacks_cli.local_stack.template.intrinsics import uninterpretable

if TYPE_CHECKING:
    from tavus_callbacks_cli.local_stack.template.template import Resource, Template

_RATE = re.compile(r"rate\(([0-9]+) (minute|hour|day)s?\)")
_SECONDS = {"minute": 60, "hour": 3600, "day": 86400}
_HURRIED = 1.0
_SECONDS_TO_END = 2


@dataclass(frozen=True)
class Schedule:
    """How many seconds lie between starts, and the logical ids of the functions that are started."""

    seconds: float
    functions: tuple[str, ...]


def schedules_of(template: "Template") -> list[Schedule]:
    """Read the enabled schedules of a template; raises click.ClickException for what is not understood."""
    rules = template.of_type("AWS::Events::Rule")
    scheduled = [rule for rule in rules if "ScheduleExpression" in rule.properties]
    return [_schedule(rule, template) for rule in scheduled if rule.properties.get("State") != "DISABLED"]


def _schedule(rule: "Resource", template: "Template") -> Schedule:
    expression = rule.properties["ScheduleExpression"]
    found = _RATE.fullmatch(expression)
    if found is None:
        remedy = "give it a rate(…), or let local_stack/triggers/schedules.py interpret it"
        raise uninterpretable(rule.logical_id, expression, remedy)
    functions = (template.function(target["Arn"]) for target in rule.properties["Targets"])
    return Schedule(int(found[1]) * _SECONDS[found[2]], tuple(functions))


@contextlib.contextmanager
def ticking(schedule: Schedule, invoke: Callable[[str, Any], Any], *, hurry: bool) -> Iterator[None]:
    """Start a schedule's functions time and again until the block ends; the first time after one span."""
    ended = threading.Event()
    seconds = _HURRIED if hurry else schedule.seconds

    def tick() -> None:
        while not ended.wait(seconds):
            for function in schedule.functions:
                # Who watches the functions has been told.
                with contextlib.suppress(FunctionFailed):
                    invoke(function, {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}})

    thread = threading.Thread(target=tick, name="schedule", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        # One that takes longer is ended with its function's worker.
        thread.join(_SECONDS_TO_END)
