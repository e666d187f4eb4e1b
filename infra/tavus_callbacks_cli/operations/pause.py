"""Pausing a deployed stack: all that follows its streams, queues and clock, and on request the receiver."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from tavus_callbacks_cli.targets.aws_stack import Deployment

_MAPPING = "AWS::Lambda::EventSourceMapping"
_RECEIVER = "ReceiveFunction"
_RULE = "AWS::Events::Rule"
# Not the rule of the recordings bucket: EventBridge drops events while a rule is off.
_SCHEDULE = "WatchFunctionSchedule"


def require_aws(deployment: "Deployment") -> None:
    """Raise click.UsageError for a local stack, which has no triggers of AWS."""
    if deployment.is_local:
        raise click.UsageError(
            "A local stack cannot be paused or resumed. Stop it with Ctrl-C: its data is kept. "
            "For a deployed stack, use --stack NAME."
        )


def schedules(deployment: "Deployment") -> dict[str, str]:
    """Return the names of the rules that start functions by the clock, by logical id."""
    return {name: rule for name, rule in deployment.physical(_RULE).items() if name == _SCHEDULE}


def disabled_triggers(deployment: "Deployment") -> list[str]:
    """Return which triggers and schedules of a deployed stack are off."""
    client, events = deployment.client("lambda"), deployment.client("events")
    mappings, rules = deployment.physical(_MAPPING), schedules(deployment)
    states = {name: client.get_event_source_mapping(UUID=uuid)["State"] for name, uuid in mappings.items()}
    states |= {name: events.describe_rule(Name=rule)["State"] for name, rule in rules.items()}
    return [name for name, state in states.items() if state.upper() in ("DISABLED", "DISABLING")]


def switch_triggers(deployment: "Deployment", *, on: bool) -> list[str]:
    """Turn every trigger and schedule on or off and return their names."""
    client, events = deployment.client("lambda"), deployment.client("events")
    mappings, rules = deployment.physical(_MAPPING), schedules(deployment)
    for uuid in mappings.values():
        client.update_event_source_mapping(UUID=uuid, Enabled=on)
    for rule in rules.values():
        (events.enable_rule if on else events.disable_rule)(Name=rule)
    return [*mappings, *rules]


def is_receiving(deployment: "Deployment") -> bool:
    """Tell whether callbacks reach their function."""
    answer = deployment.client("lambda").get_function_concurrency(FunctionName=_receiver(deployment))
    return bool(answer.get("ReservedConcurrentExecutions", 1))


def stop_receiving(deployment: "Deployment") -> None:
    """Let Lambda start no more receivers: the gateway answers 5xx."""
    deployment.client("lambda").put_function_concurrency(
        FunctionName=_receiver(deployment), ReservedConcurrentExecutions=0
    )


def start_receiving(deployment: "Deployment") -> None:
    """Let Lambda start receivers again. A reservation of the operator's own stays."""
    if not is_receiving(deployment):
        deployment.client("lambda").delete_function_concurrency(FunctionName=_receiver(deployment))


def _receiver(deployment: "Deployment") -> str:
    return deployment.physical("AWS::Lambda::Function")[_RECEIVER]
