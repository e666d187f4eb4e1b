"""The default event bus: what comes is given to the targets of every rule whose pattern takes it.

Buses of the stack's own, and their rules, are the embedded EventBridge's; a queue is what their targets are.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tavus_callbacks_cli.local_stack.template.intrinsics import uninterpretable
from tavus_callbacks_cli.local_stack.triggers import pattern

if TYPE_CHECKING:
    from tavus_callbacks_cli.local_stack.template.template import Resource, Template

_REMEDY = "let infra/tavus_callbacks_cli/local_stack/triggers/event_bus.py interpret it"
# Whether a delivery is repeated: here a function is always there to take one.
_TARGET_MEMBERS = {"Arn", "Id", "RetryPolicy"}
_QUEUE = ":sqs:"


@dataclass(frozen=True)
class Rule:
    """What a rule takes, and the logical ids of the functions that it gives it to."""

    pattern: pattern.Pattern
    functions: tuple[str, ...]


def rules_of(template: "Template") -> list[Rule]:
    """Read the enabled rules of a template; raises click.ClickException for what is not understood."""
    resources = template.of_type("AWS::Events::Rule")
    for resource in resources:
        _check_targets(resource)
    others = {"EventBusName", "ScheduleExpression"}
    ours = [one for one in resources if not others & one.properties.keys()]
    return [_rule(one, template) for one in ours if one.properties.get("State") != "DISABLED"]


def _check_targets(resource: "Resource") -> None:
    """Refuse a target of another bus that the embedded EventBridge would leave out in silence."""
    if "EventBusName" not in resource.properties:
        return
    for target in resource.properties.get("Targets", []):
        unknown = target.keys() - _TARGET_MEMBERS - {"DeadLetterConfig"}
        if unknown or _QUEUE not in str(target["Arn"]):
            what = f"{', '.join(sorted(unknown)) or target['Arn']} of a target"
            raise uninterpretable(resource.logical_id, what, _REMEDY)


def _rule(resource: "Resource", template: "Template") -> Rule:
    written, targets = resource.properties.get("EventPattern", {}), resource.properties.get("Targets", [])
    try:
        pattern.check(written)
        return Rule(written, tuple(_function(target, template) for target in targets))
    except ValueError as error:
        raise uninterpretable(resource.logical_id, str(error), _REMEDY) from error


def _function(target: dict[str, Any], template: "Template") -> str:
    if unknown := target.keys() - _TARGET_MEMBERS:
        raise ValueError(f"{', '.join(sorted(unknown))} of a target")
    return template.function(target["Arn"])


def put(rules: list[Rule], event: dict[str, Any], invoke: Callable[[str, Any], None]) -> None:
    """Give an event to the functions behind the rules that take it."""
    for rule in rules:
        if pattern.matches(rule.pattern, event):
            for function in rule.functions:
                invoke(function, event)
