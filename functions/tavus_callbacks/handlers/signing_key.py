"""The function behind `Custom::SigningKey`: makes a slot's key once, and gives CloudFront its public half.

Only Secrets Manager holds the private key. A slot whose secret has a key keeps it, whatever the stack does:
CloudFront's public keys cannot be changed, only replaced.
"""

import json
import time
from typing import Any
from urllib.request import Request, urlopen

from aws_lambda_powertools import Logger
from botocore.exceptions import ClientError

from tavus_callbacks.aws import clients
from tavus_callbacks.aws.errors import error_code
from tavus_callbacks.aws.signing_key import make_private_key, public_key

logger = Logger(location=None, use_rfc3339=True)

# Seconds. A new permission takes some to work everywhere, and the function has a minute.
PAUSES = (2, 5, 10, 15)


def handler(event: dict[str, Any], _context: object) -> None:
    """Answer CloudFormation, after a failure too: a stack without an answer hangs for an hour."""
    secret = event["ResourceProperties"]["SecretArn"]
    answer = {"PhysicalResourceId": event.get("PhysicalResourceId", secret), "Status": "SUCCESS"}
    try:
        if event["RequestType"] != "Delete":
            answer["Data"] = {"PublicKey": public_key(_ensure_key(secret))}
    # The outermost edge: every fault must reach CloudFormation, by its type and not by its text.
    except Exception as fault:  # noqa: BLE001  # answered as a failure
        logger.error(  # noqa: TRY400  # a trace could quote the key
            "no signing key", extra={"fault": type(fault).__name__}
        )
        answer |= {"Status": "FAILED", "Reason": f"{type(fault).__name__}: see the function's log"}
    _send(event, answer)


def _ensure_key(secret: str) -> str:
    """Return the secret's key, or make it. Access may be denied at first, while the permission is new."""
    for pause in (*PAUSES, None):
        try:
            return _read_or_make_key(secret)
        except ClientError as error:
            if pause is None or error_code(error) != "AccessDeniedException":
                raise
            time.sleep(pause)
    raise AssertionError("the last attempt returns or raises")


def _read_or_make_key(secret: str) -> str:
    client = clients.secretsmanager()
    try:
        return client.get_secret_value(SecretId=secret)["SecretString"]
    except ClientError as error:
        if error_code(error) != "ResourceNotFoundException":
            raise
    pem = make_private_key()
    client.put_secret_value(SecretId=secret, SecretString=pem)
    return pem


def _send(event: dict[str, Any], answer: dict[str, Any]) -> None:
    echoed = {name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
    body = json.dumps(echoed | answer).encode()
    # The URL is pre-signed, without a content type.
    headers, address = {"content-type": ""}, event["ResponseURL"]
    request = Request(address, data=body, method="PUT", headers=headers)  # noqa: S310  # CloudFormation's own
    with urlopen(request, timeout=10) as reply:  # noqa: S310  # nosec B310  # CloudFormation's own
        logger.info("answered", extra={"status": answer["Status"], "reply": reply.status})
