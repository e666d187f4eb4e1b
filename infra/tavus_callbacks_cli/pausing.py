"""Pausing a deployed stack: what follows its streams and queues, or, said apart, what receives."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from tavus_callbacks_cli.deployment import Deployment

_MAPPING = "AWS::Lambda::EventSourceMapping"
_RECEIVER = "ReceiveFunction"


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
    return [name for name, state in states.items() if state in ("Disabled", "Disabling")]


def switch(deployment: "Deployment", *, on: bool) -> list[str]:
    """Turn every trigger on or off and return their names."""
    client, found = deployment.client("lambda"), triggers(deployment)
    for uuid in found.values():
        client.update_event_source_mapping(UUID=uuid, Enabled=on)
    return list(found)


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
