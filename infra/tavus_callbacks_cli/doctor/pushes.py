"""Checks of the delivery to your own code: the bus with its rules, and the server that receives pushes."""

from typing import TYPE_CHECKING, Any

from tavus_callbacks.domain.common.timestamps import now
from tavus_callbacks.domain.pushes.signature import signature_headers
from tavus_callbacks.domain.pushes.target import TargetRefused, parse_target
from tavus_callbacks.outbound.webhook import NotReached, resolve_address
from tavus_callbacks_cli.doctor.examination import REDEPLOY, Examination, Finding, failure, ok, skip
from tavus_callbacks_cli.output.shell import aws, line

if TYPE_CHECKING:
    from tavus_callbacks_cli.targets.aws_stack import Deployment

_ALL_TYPES = "*"
_ADD_CALLBACKS = "Name callbacks: `sam deploy --parameter-overrides 'PushTypes=callback.*'`."
_ADDRESS = (
    "Use a name that leads to a public address: `sam deploy --parameter-overrides PushUrl=https://...`."
)


def bus(examination: Examination) -> Finding:
    """Check that the bus exists, and list the rules that others made: they keep it from being deleted."""
    deployment = examination.deployment
    bus_name = deployment.outputs.get("EventBusName")
    if bus_name is None:
        return skip("The stack was deployed with Push=off.")
    client = deployment.client("events")
    buses = client.list_event_buses(NamePrefix=bus_name)["EventBuses"]
    if bus_name not in [bus["Name"] for bus in buses]:
        return failure(f"The bus {bus_name} does not exist, so no event is published.", REDEPLOY)
    # The bus of a local stack ends with the stack, whatever rules it has.
    foreign = {} if deployment.is_local else _foreign_rules(deployment, bus_name)
    if not foreign:
        return ok(f"Events are published on {bus_name}. docs/consume.md shows how to subscribe to it.")
    return ok(
        f"Events are published on {bus_name}. It has rules that are not the stack's: {', '.join(foreign)}.",
        "While these rules exist, `sam delete` fails, and Push=off leaves the bus behind. "
        + _removals(client, bus_name, foreign),
    )


def _foreign_rules(deployment: "Deployment", bus_name: str) -> dict[str, bool]:
    """Return the rules of others by name, and whether a service manages them."""
    # The physical id of a rule on a custom bus is `bus|rule`.
    own = {id_.rpartition("|")[2] for id_ in deployment.physical("AWS::Events::Rule").values()}
    pages = deployment.client("events").get_paginator("list_rules").paginate(EventBusName=bus_name)
    rules = {rule["Name"]: "ManagedBy" in rule for page in pages for rule in page["Rules"]}
    return {name: rules[name] for name in sorted(rules.keys() - own)}


def _removals(client: Any, bus_name: str, foreign: dict[str, bool]) -> str:
    """Return sentences on how to remove rules. A managed one refuses the commands."""
    managed = [name for name, is_managed in foreign.items() if is_managed]
    others = [name for name in foreign if name not in managed]
    commands = [command for name in others for command in _removal(client, bus_name, name)]
    by_command = (
        f"Remove {', '.join(others)} before that, with their own stack or with {', '.join(commands)}."
    )
    by_service = f"Delete the archive or the schema discovery that made {', '.join(managed)}."
    return " ".join([by_command] * bool(others) + [by_service] * bool(managed))


def _removal(client: Any, bus_name: str, rule: str) -> list[str]:
    """Return the commands that remove a rule with its targets."""
    targets = client.list_targets_by_rule(EventBusName=bus_name, Rule=rule)["Targets"]
    ids = [target["Id"] for target in targets]
    bus_option = ("--event-bus-name", bus_name)
    remove = f"`{aws('events remove-targets', *bus_option, '--rule', rule, '--ids', *ids)}`"
    return [*([remove] if ids else []), f"`{aws('events delete-rule', *bus_option, '--name', rule)}`"]


def target(examination: Examination) -> Finding:
    """Check that the address of pushes is public and that some type is posted to it.

    Resolves its name and sends nothing.
    """
    deployment = examination.deployment
    url = deployment.parameters.get("PushUrl", "")
    if not url or "PushQueueUrl" not in deployment.outputs:
        return skip("PushUrl is not set, so the stack posts no pushes.")
    try:
        host = parse_target(url, is_local=deployment.is_local)
        resolve_address(host, is_local=deployment.is_local)
    except (TargetRefused, NotReached) as error:
        return failure(f"PushUrl cannot receive pushes: {error}.", _ADDRESS)
    types = [name.strip() for name in deployment.parameters.get("PushTypes", _ALL_TYPES).split(",")]
    is_raw = deployment.parameters.get("PushMode") == "raw"
    if is_raw and not [name for name in types if name == _ALL_TYPES or name.startswith("callback.")]:
        return failure("PushMode=raw posts only callbacks, and PushTypes names none.", _ADD_CALLBACKS)
    detail = f"{host.host} {'can be resolved' if deployment.is_local else 'has a public address'}."
    if _ALL_TYPES in types:
        return ok(detail)
    others = "" if is_raw else ", and conversation.erased"
    return ok(f"{detail} It receives {', '.join(types)} (PushTypes){others}.")


def secret(examination: Examination) -> Finding:
    """Check that pushes can be signed; the secret itself is never shown."""
    name = examination.deployment.outputs.get("PushSecretArn")
    if name is None:
        return skip("The stack signs no pushes, because PushUrl is not set or PushMode is raw.")
    client = examination.deployment.client("secretsmanager")
    value = client.get_secret_value(SecretId=name)["SecretString"]
    try:
        signature_headers([value], "doctor", "{}", at=now())
    except (ValueError, RuntimeError):
        return failure(
            "The secret that signs pushes is not base64, so every push fails.",
            f"`{line('aws', 'secretsmanager', 'put-secret-value', '--secret-id', name)} --secret-string "
            '"$(openssl rand -base64 33)"`. Give the new secret to the server that checks signatures.',
        )
    return ok("The secret can be read, and it signs.")
