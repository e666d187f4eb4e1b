"""Pausing a deployed stack: what follows its streams, queues and clock, or, said apart, what receives."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from tavus_callbacks_cli.targets.aws_stack import Deployment

_MAPPING = "AWS::Lambda::EventSourceMapping"
_RECEIVER = "ReceiveFunction"
_RULE = "AWS::Events::Rule"
# Not the rule of the recordings bucket: EventBridge drops what comes while a rule is off.
_SCHEDULE = "WatchFunctionSchedule"


def triggers(deployment: "Deployment") -> dict[str, str]:
    """Return the ids of what starts functions from streams and queues, by logical id."""
    if deployment.is_local:
        raise click.UsageError(
            "A local stack follows its own streams: end it with Ctrl-C, nothing kept is lost. "
            "--stack NAME pauses a deployed one."
        )
    return deployment.physical(_MAPPING)


def paused(deployment: "Deployment") -> list[str]:
    """Return which triggers of a deployed stack are off."""
    client = deployment.client("lambda")
    mappings = deployment.physical(_MAPPING)
    states = {name: client.get_event_source_mapping(UUID=uuid)["State"] for name, uuid in mappings.items()}
    stopped = [name for name, state in states.items() if state in ("Disabled", "Disabling")]
    events = deployment.client("events")
    rules = schedules(deployment).items()
    return [
        *stopped,
        *(name for name, rule in rules if events.describe_rule(Name=rule)["State"] == "DISABLED"),
    ]


def schedules(deployment: "Deployment") -> dict[str, str]:
    """Return the names of the rules that start functions by the clock, by logical id."""
    return {name: rule for name, rule in deployment.physical(_RULE).items() if name == _SCHEDULE}


def switch(deployment: "Deployment", *, on: bool) -> list[str]:
    """Turn every trigger and schedule on or off and return their names."""
    client, events = deployment.client("lambda"), deployment.client("events")
    found, rules = triggers(deployment), schedules(deployment)
    for uuid in found.values():
        client.update_event_source_mapping(UUID=uuid, Enabled=on)
    for rule in rules.values():
        (events.enable_rule if on else events.disable_rule)(Name=rule)
    return [*found, *rules]


def receives(deployment: "Deployment") -> bool:
    """Tell whether callbacks reach their function."""
    found = deployment.client("lambda").get_function_concurrency(FunctionName=_receiver(deployment))
    return bool(found.get("ReservedConcurrentExecutions", 1))


def stop_receiving(deployment: "Deployment") -> None:
    """Let Lambda start no more receivers: the gateway answers 5xx."""
    deployment.client("lambda").put_function_concurrency(
        FunctionName=_receiver(deployment), ReservedConcurrentExecutions=0
    )


def start_receiving(deployment: "Deployment") -> None:
    """Take that away again; a reservation of the operator's own stays."""
    if receives(deployment):
        return
    deployment.client("lambda").delete_function_concurrency(FunctionName=_receiver(deployment))


def _receiver(deployment: "Deployment") -> str:
    return deployment.physical("AWS::Lambda::Function")[_RECEIVER]
