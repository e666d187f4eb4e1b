"""Checks of where recordings lie: the bucket, the role that Tavus assumes, the keys that sign links."""

from typing import Any

from tavus_callbacks_cli.doctor.examination import REDEPLOY, Examination, Finding, failed, ok, warning
from tavus_callbacks_cli.output.shell import aws
from tavus_callbacks_cli.targets.aws_stack import DOCUMENTED_EXTERNAL_ID

# Daily's, which records for Tavus and assumes the role.
ACCOUNT = "291871421005"
# Seconds; Daily refuses a role that lasts less.
SESSION = 43200

_BLOCKS = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")

_VERSIONED = ("--versioning-configuration", "Status=Enabled")
_TELLING = ("--notification-configuration", '{"EventBridgeConfiguration": {}}')


def versioning(examination: Examination) -> Finding:
    """Look whether an overwritten recording is still there."""
    bucket = _bucket(examination)
    status = _s3(examination).get_bucket_versioning(Bucket=bucket).get("Status", "off")
    if status == "Enabled":
        return ok("on, as Daily asks")
    return failed(
        f"Versioning of {bucket} is {status.lower()}; Daily asks for it and may refuse to record.",
        f"`{aws('s3api put-bucket-versioning --bucket', bucket, *_VERSIONED)}`",
    )


def notifications(examination: Examination) -> Finding:
    """Look whether the bucket tells EventBridge of its objects."""
    bucket = _bucket(examination)
    found = _s3(examination).get_bucket_notification_configuration(Bucket=bucket)
    if "EventBridgeConfiguration" in found:
        return ok("the bucket tells of its objects")
    return failed(
        f"{bucket} tells EventBridge nothing: a recording is found late, or never without its callback.",
        f"`{aws('s3api put-bucket-notification-configuration --bucket', bucket, *_TELLING)}`",
    )


def public_access(examination: Examination) -> Finding:
    """Look whether the bucket can be made public by mistake."""
    bucket = _bucket(examination)
    block = _public_access_block(examination, bucket)
    missing = [name for name in _BLOCKS if not block.get(name)]
    if not missing:
        return ok("blocked in all four ways")
    return failed(
        f"{bucket} lacks {', '.join(missing)}.",
        f"`{aws('s3api put-public-access-block --bucket', bucket, *_blocking())}`",
    )


def _public_access_block(examination: Examination, bucket: str) -> dict[str, bool]:
    from botocore.exceptions import ClientError

    try:
        found = _s3(examination).get_public_access_block(Bucket=bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchPublicAccessBlockConfiguration":
            raise
        return {}
    block: dict[str, bool] = found["PublicAccessBlockConfiguration"]
    return block


def trust(examination: Examination) -> Finding:
    """Look whether the role trusts Tavus's recorder alone, under the external id, and nobody else."""
    expected = examination.deployment.external_id
    statements = _list(_role(examination)["AssumeRolePolicyDocument"]["Statement"])
    if not statements or not all(_is_the_recorders(each, expected) for each in statements):
        return failed(
            "The trust policy is not the template's: another principal, action or condition.",
            f"Let the role trust account {ACCOUNT} alone, under StringEquals sts:ExternalId={expected}; "
            f"`{aws('iam update-assume-role-policy --role-name', _role_name(examination))}`",
        )
    if expected == DOCUMENTED_EXTERNAL_ID:
        return warning(
            f"account {ACCOUNT}, external id `{expected}`: the same for all of Tavus's customers",
            "Keep the role's ARN to yourself. Whether Tavus takes another RecordingExternalId is not "
            "documented: try it with one conversation first.",
        )
    return ok(f"account {ACCOUNT} alone, with an external id of your own")


def _is_the_recorders(statement: dict[str, Any], expected: str | None) -> bool:
    return (
        statement["Effect"] == "Allow"
        and _list(statement["Action"]) == ["sts:AssumeRole"]
        and _is_the_recorder(statement.get("Principal"))
        and _condition(statement) == {"StringEquals": {"sts:ExternalId": [expected]}}
    )


def _is_the_recorder(principal: Any) -> bool:
    if not isinstance(principal, dict) or principal.keys() != {"AWS"}:
        return False
    names = [str(name).split(":") for name in _list(principal["AWS"])]
    return names == [[ACCOUNT]] or [name[4:] for name in names] == [[ACCOUNT, "root"]]


def _condition(statement: dict[str, Any]) -> dict[str, dict[str, list[Any]]]:
    return {
        operator: {key: _list(value) for key, value in keys.items()}
        for operator, keys in statement.get("Condition", {}).items()
    }


def _list(value: Any) -> list[Any]:
    # AWS gives a list of one back as its member.
    return value if isinstance(value, list) else [value]


def session_length(examination: Examination) -> Finding:
    """Look whether the role lasts for a whole recording."""
    seconds = _role(examination)["MaxSessionDuration"]
    if seconds == SESSION:
        return ok("12 hours, as Daily asks")
    return failed(
        f"The role's sessions last {seconds} seconds; Daily refuses it, and with it every conversation.",
        f"`{aws('iam update-role --role-name', _role_name(examination), *_session())}`",
    )


def signing_key(examination: Examination) -> Finding:
    """Look whether CloudFront trusts the key that signs links."""
    group = examination.deployment.outputs["SigningKeyGroupId"]
    signing = examination.deployment.environment("ReadFunction").get("SIGNING_KEY_ID")
    found = examination.deployment.client("cloudfront").get_key_group(Id=group)
    trusted = found["KeyGroup"]["KeyGroupConfig"]["Items"]
    if signing in trusted:
        return ok(f"{signing} signs and is one of {len(trusted)} in the key group")
    return failed(
        f"Key {signing} signs, but key group {group} does not hold it: every link is refused.",
        f"{REDEPLOY} The first slot of the parameter SigningKeys signs.",
    )


def _bucket(examination: Examination) -> str:
    return examination.deployment.outputs["RecordingsBucketName"]


def _s3(examination: Examination) -> Any:
    return examination.deployment.client("s3")


def _role_name(examination: Examination) -> str:
    return examination.deployment.outputs["RecordingRoleArn"].rpartition("/")[2]


def _role(examination: Examination) -> dict[str, Any]:
    found = examination.deployment.client("iam").get_role(RoleName=_role_name(examination))
    role: dict[str, Any] = found["Role"]
    return role


def _blocking() -> tuple[str, str]:
    return "--public-access-block-configuration", ",".join(f"{name}=true" for name in _BLOCKS)


def _session() -> tuple[str, str]:
    return "--max-session-duration", str(SESSION)
