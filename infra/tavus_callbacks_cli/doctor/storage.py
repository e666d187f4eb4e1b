"""Checks of the storage of recordings: the bucket, the role that Tavus assumes, the keys that sign links."""

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
    """Check that an overwritten recording is kept."""
    s3, bucket = _s3_and_bucket(examination)
    status = s3.get_bucket_versioning(Bucket=bucket).get("Status", "off")
    if status == "Enabled":
        return ok("on, as Daily asks")
    return failure(
        f"Versioning of {bucket} is {status.lower()}; Daily asks for it and may refuse to record.",
        f"`{aws('s3api put-bucket-versioning --bucket', bucket, *_VERSIONING)}`",
    )


def notifications(examination: Examination) -> Finding:
    """Check that the bucket sends events of its objects to EventBridge."""
    s3, bucket = _s3_and_bucket(examination)
    if "EventBridgeConfiguration" in s3.get_bucket_notification_configuration(Bucket=bucket):
        return ok("the bucket tells of its objects")
    return failure(
        f"{bucket} tells EventBridge nothing: a recording is found late, or never without its callback.",
        f"`{aws('s3api put-bucket-notification-configuration --bucket', bucket, *_EVENT_BRIDGE)}`",
    )


def public_access(examination: Examination) -> Finding:
    """Check that the bucket cannot be made public by mistake."""
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
        return ok("blocked in all four ways")
    return failure(
        f"{bucket} lacks {', '.join(missing)}.",
        f"`{aws('s3api put-public-access-block --bucket', bucket, *_PUBLIC_ACCESS)}`",
    )


def trust(examination: Examination) -> Finding:
    """Check that the role trusts only Tavus's recorder, under the external id."""
    expected = examination.deployment.external_id
    name, role = _role(examination)
    statements = _list(role["AssumeRolePolicyDocument"]["Statement"])
    if not statements or not all(_trusts_recorder(statement, expected) for statement in statements):
        return failure(
            "The trust policy is not the template's: another principal, action or condition.",
            f"Let the role trust account {ACCOUNT} alone, under StringEquals sts:ExternalId={expected}; "
            f"`{aws('iam update-assume-role-policy --role-name', name)}`",
        )
    if expected == DOCUMENTED_EXTERNAL_ID:
        return warning(
            f"account {ACCOUNT}, external id `{expected}`: the same for all of Tavus's customers",
            "Keep the role's ARN to yourself. Whether Tavus takes another RecordingExternalId is not "
            "documented: try it with one conversation first.",
        )
    return ok(f"account {ACCOUNT} alone, with an external id of your own")


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
    """Check that the role lasts for a whole recording."""
    name, role = _role(examination)
    seconds = role["MaxSessionDuration"]
    if seconds == SESSION:
        return ok("12 hours, as Daily asks")
    return failure(
        f"The role's sessions last {seconds} seconds; Daily refuses it, and with it every conversation.",
        f"`{aws('iam update-role --role-name', name, *_SESSION)}`",
    )


def signing_key(examination: Examination) -> Finding:
    """Check that CloudFront trusts the key that signs links."""
    group = examination.deployment.outputs["SigningKeyGroupId"]
    signing = examination.deployment.environment("ReadFunction").get("SIGNING_KEY_ID")
    answer = examination.deployment.client("cloudfront").get_key_group(Id=group)
    trusted = answer["KeyGroup"]["KeyGroupConfig"]["Items"]
    if signing in trusted:
        return ok(f"{signing} signs and is one of {len(trusted)} in the key group")
    return failure(
        f"Key {signing} signs, but key group {group} does not hold it: every link is refused.",
        f"{REDEPLOY} The first slot of the parameter SigningKeys signs.",
    )


def _s3_and_bucket(examination: Examination) -> tuple[Any, str]:
    deployment = examination.deployment
    return deployment.client("s3"), deployment.outputs["RecordingsBucketName"]


def _role(examination: Examination) -> tuple[str, dict[str, Any]]:
    """Return the recording role's name, and IAM's description of it."""
    name = examination.deployment.outputs["RecordingRoleArn"].rpartition("/")[2]
    return name, examination.deployment.client("iam").get_role(RoleName=name)["Role"]
