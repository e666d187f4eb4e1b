"""Checks of the delivery to the team's own code: the bus, and the server that receives pushes."""

from tavus_callbacks.domain.common.timestamps import now
from tavus_callbacks.domain.pushes.signature import signature_headers
from tavus_callbacks.domain.pushes.target import TargetRefused, parse_target
from tavus_callbacks.outbound.webhook import NotReached, resolve_address
from tavus_callbacks_cli.doctor.examination import REDEPLOY, Examination, Finding, failure, ok, skip
from tavus_callbacks_cli.output.shell import line

_ADDRESS = (
    "Is the name right, and does it lead to the public internet? "
    "`sam deploy --parameter-overrides PushUrl=https://...` gives another."
)


def bus(examination: Examination) -> Finding:
    """Check that the bus is there for rules of your own."""
    name = examination.deployment.outputs.get("EventBusName")
    if name is None:
        return skip("the stack was deployed with Push=off")
    buses = examination.deployment.client("events").list_event_buses(NamePrefix=name)["EventBuses"]
    if name not in [bus["Name"] for bus in buses]:
        return failure(f"There is no bus {name}: nobody is told of anything.", REDEPLOY)
    return ok(f"rules can be put on {name}; docs/consume.md has some")


def target(examination: Examination) -> Finding:
    """Check that the address of pushes is public. Its name is resolved, and nothing is sent."""
    deployment = examination.deployment
    url = deployment.parameters.get("PushUrl", "")
    if not url or "PushQueueUrl" not in deployment.outputs:
        return skip("the stack posts nowhere: PushUrl is not set")
    try:
        host = parse_target(url, is_local=deployment.is_local)
        resolve_address(host, is_local=deployment.is_local)
    except (TargetRefused, NotReached) as error:
        return failure(f"PushUrl takes no pushes: {error}.", _ADDRESS)
    return ok(f"{host.host} has a public address")


def secret(examination: Examination) -> Finding:
    """Check that pushes can be signed; the secret itself is never shown."""
    name = examination.deployment.outputs.get("PushSecretArn")
    if name is None:
        return skip("the stack signs no pushes: PushUrl is not set, or PushMode is raw")
    client = examination.deployment.client("secretsmanager")
    value = client.get_secret_value(SecretId=name)["SecretString"]
    try:
        signature_headers([value], "doctor", "{}", at=now())
    except (ValueError, RuntimeError):
        return failure(
            "The secret that signs pushes is no base64, so every push fails.",
            f"`{line('aws', 'secretsmanager', 'put-secret-value', '--secret-id', name)} --secret-string "
            '"$(openssl rand -base64 33)"`, and give it to who checks the signature.',
        )
    return ok("it can be read and signs")
