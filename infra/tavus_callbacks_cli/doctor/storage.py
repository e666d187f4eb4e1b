"""Checks of the storage of recordings: the bucket, the role that Tavus assumes, and the signing keys."""

import json
from typing import Any

from tavus_callbacks_cli.doctor.examination import REDEPLOY, Examination, Finding, failure, ok, warning
from tavus_callbacks_cli.output.shell import aws
from tavus_callbacks_cli.targets.aws_stack import DOCUMENTED_EXTERNAL_ID

# The account of Daily, which records for Tavus and assumes the role.
ACCOUNT = "291871421005"
# Seconds; Daily refuses a role that lasts less.
SESSION = 43200

_BLOCKS = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")

_VERSIONING = ("--versioning-configuration", "Status=Enabled")
_EVENT_BRIDGE = ("--notification-configuration", '{"EventBridgeConfiguration": {}}')
_PUBLIC_ACCESS = ("--public-access-block-configuration", ",".join(f"{name}=true" for name in _BLOCKS))
_SESSION = ("--max-session-duration", str(SESSION))


def versioning(examination: Examination) -> Finding:
    """Check that the bucket keeps overwritten recordings."""
    s3, bucket = _s3_and_bucket(examination)
    status = s3.get_bucket_versioning(Bucket=bucket).get("Status", "off")
    if status == "Enabled":
        return ok("Versioning is on, as Daily requires.")
    return failure(
        f"Versioning of {bucket} is {status.lower()}. Daily requires it and may refuse to record.",
        f"`{aws('s3api put-bucket-versioning --bucket', bucket, *_VERSIONING)}`",
    )


def notifications(examination: Examination) -> Finding:
    """Check that the bucket sends events of its objects to EventBridge."""
    s3, bucket = _s3_and_bucket(examination)
    if "EventBridgeConfiguration" in s3.get_bucket_notification_configuration(Bucket=bucket):
        return ok("The bucket sends events about its objects.")
    return failure(
        f"{bucket} sends no events to EventBridge, so recordings are found late, or not at all.",
        f"`{aws('s3api put-bucket-notification-configuration --bucket', bucket, *_EVENT_BRIDGE)}`",
    )


def public_access(examination: Examination) -> Finding:
    """Check that the bucket blocks public access."""
    from botocore.exceptions import ClientError

    s3, bucket = _s3_and_bucket(examination)
    try:
        block = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchPublicAccessBlockConfiguration":
            raise
        block = {}
    missing = [name for name in _BLOCKS if not block.get(name)]
    if not missing:
        return ok("All four blocks of public access are on.")
    return failure(
        f"{bucket} allows public access: {', '.join(missing)} is off.",
        f"`{aws('s3api put-public-access-block --bucket', bucket, *_PUBLIC_ACCESS)}`",
    )


def trust(examination: Examination) -> Finding:
    """Check that the role trusts only Tavus's recorder, under the external id."""
    expected = examination.deployment.external_id
    name, role = _role(examination)
    statements = _list(role["AssumeRolePolicyDocument"]["Statement"])
    if not statements or not all(_trusts_recorder(statement, expected) for statement in statements):
        return failure(
            "The role's trust policy differs from the template in its principal, action or condition.",
            f"`{aws('iam update-assume-role-policy', '--role-name', name, *_trust_policy(expected))}`",
        )
    if expected == DOCUMENTED_EXTERNAL_ID:
        return warning(
            f"The role trusts account {ACCOUNT} with the external id `{expected}`. All customers of Tavus "
            "share this id.",
            "Keep the role's ARN to yourself. Tavus does not document whether it accepts another "
            "RecordingExternalId: try it with one conversation first.",
        )
    return ok(f"The role trusts account {ACCOUNT} alone, with an external id of your own.")


def _trust_policy(external_id: str | None) -> tuple[str, str]:
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"sts:ExternalId": external_id}},
    }
    return "--policy-document", json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _trusts_recorder(statement: dict[str, Any], external_id: str | None) -> bool:
    conditions = {
        operator: {key: _list(value) for key, value in keys.items()}
        for operator, keys in statement.get("Condition", {}).items()
    }
    principal = statement.get("Principal")
    accounts = principal["AWS"] if isinstance(principal, dict) and principal.keys() == {"AWS"} else []
    names = [str(name).split(":") for name in _list(accounts)]
    return (
        statement["Effect"] == "Allow"
        and _list(statement["Action"]) == ["sts:AssumeRole"]
        and (names == [[ACCOUNT]] or [name[4:] for name in names] == [[ACCOUNT, "root"]])
        and conditions == {"StringEquals": {"sts:ExternalId": [external_id]}}
    )


def _list(value: Any) -> list[Any]:
    # AWS returns a list with one member as that member.
    return value if isinstance(value, list) else [value]


def session_length(examination: Examination) -> Finding:
    """Check that a session of the role lasts as long as a recording."""
    name, role = _role(examination)
    seconds = role["MaxSessionDuration"]
    if seconds == SESSION:
        return ok("Sessions last 12 hours, as Daily requires.")
    return failure(
        f"The role's sessions last {seconds} seconds, so Daily refuses the role and every conversation.",
        f"`{aws('iam update-role --role-name', name, *_SESSION)}`",
    )


def signing_key(examination: Examination) -> Finding:
    """Check that CloudFront trusts the key that signs links."""
    group = examination.deployment.outputs["SigningKeyGroupId"]
    signing = examination.deployment.environment("ReadFunction").get("SIGNING_KEY_ID")
    answer = examination.deployment.client("cloudfront").get_key_group(Id=group)
    trusted = answer["KeyGroup"]["KeyGroupConfig"]["Items"]
    if signing in trusted:
        return ok(f"Key {signing} signs, and CloudFront trusts it.")
    return failure(
        f"Key {signing} signs, but key group {group} does not hold it, so every link is refused.",
        f"{REDEPLOY} The first slot of the parameter SigningKeys signs.",
    )


def _s3_and_bucket(examination: Examination) -> tuple[Any, str]:
    deployment = examination.deployment
    return deployment.client("s3"), deployment.outputs["RecordingsBucketName"]


def _role(examination: Examination) -> tuple[str, dict[str, Any]]:
    """Return the recording role's name, and IAM's description of it."""
    name = examination.deployment.outputs["RecordingRoleArn"].rpartition("/")[2]
    return name, examination.deployment.client("iam").get_role(RoleName=name)["Role"]
