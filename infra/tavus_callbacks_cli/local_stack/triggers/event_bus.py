"""The default event bus: gives an event to the targets of every rule whose pattern matches.

The embedded EventBridge runs the rules of custom buses, whose targets are queues.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from tavus_callbacks_cli.local_stack.template import pattern
from tavus_callbacks_cli.local_stack.template.intrinsics import uninterpretable

if TYPE_CHECKING:
    from tavus_callbacks_cli.local_stack.template.template import Resource, Template

_REMEDY = "let infra/tavus_callbacks_cli/local_stack/triggers/event_bus.py interpret it"
# A retry policy has no effect here: local functions always accept an event.
_TARGET_MEMBERS = {"Arn", "Id", "RetryPolicy"}
# Characters, by the default quota of EventBridge. moto takes more.
_LONGEST_PATTERN = 2048


@dataclass(frozen=True)
class Rule:
    """The pattern of a rule, and the logical ids of its target functions."""

    pattern: pattern.Pattern
    functions: tuple[str, ...]


def rules_of(template: "Template") -> list[Rule]:
    """Return the enabled rules of the default bus; raises click.ClickException for unsupported ones."""
    rules = []
    for resource in template.of_type("AWS::Events::Rule"):
        properties = resource.properties
        if "EventBusName" in properties:
            _check_queue_targets(resource)
            _check_size(resource)
            continue
        if "ScheduleExpression" in properties or properties.get("State") == "DISABLED":
            continue
        source, targets = properties.get("EventPattern", {}), properties.get("Targets", [])
        unknown = {name for target in targets for name in target.keys() - _TARGET_MEMBERS}
        if unknown:
            raise uninterpretable(resource.logical_id, f"{', '.join(sorted(unknown))} of a target", _REMEDY)
        try:
            pattern.check(source)
            functions = tuple(template.function(target["Arn"]) for target in targets)
        except ValueError as error:
            raise uninterpretable(resource.logical_id, str(error), _REMEDY) from error
        rules.append(Rule(source, functions))
    return rules


def _check_queue_targets(resource: "Resource") -> None:
    """Refuse a target that the embedded EventBridge would silently ignore."""
    for target in resource.properties.get("Targets", []):
        unknown = target.keys() - _TARGET_MEMBERS - {"DeadLetterConfig"}
        if unknown or ":sqs:" not in str(target["Arn"]):
            what = f"{', '.join(sorted(unknown)) or target['Arn']} of a target"
            raise uninterpretable(resource.logical_id, what, _REMEDY)


def _check_size(resource: "Resource") -> None:
    """Refuse a pattern that EventBridge would refuse: one that is made of parameters, and so is text."""
    event_pattern = resource.properties["EventPattern"]
    if isinstance(event_pattern, str) and len(event_pattern) > _LONGEST_PATTERN:
        raise click.ClickException(
            f"{resource.logical_id}: its event pattern would have {len(event_pattern):,} characters, but "
            f"EventBridge accepts {_LONGEST_PATTERN:,}. Name fewer values in the parameters that make it."
        )


def targets_of(rules: list[Rule], event: dict[str, Any]) -> list[str]:
    """Return the functions of the rules that match an event, as logical ids."""
    matching = (rule for rule in rules if pattern.matches(rule.pattern, event))
    return [function for rule in matching for function in rule.functions]
