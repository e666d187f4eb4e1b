"""Deletes a stack on AWS with everything that it retains: tables, buckets, queues and logs.

CloudFormation names resources after their stack, so a prefix finds them even after the stack is gone.
"""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click
from botocore.exceptions import ClientError

from tavus_callbacks_cli.targets.aws_errors import error_code

if TYPE_CHECKING:
    from boto3 import Session

PREFIX = "tavus-callbacks-prove-"
# The inline policy that denies the store, and the roles that get it.
POLICY, ROLES = "prove-outage", ("ReceiveRole", "DrainRole")

_NAME = re.compile(rf"{PREFIX}[a-z0-9]{{6}}")
_LOG_PREFIXES = ("", "/aws/vendedlogs/", "/aws/lambda/")
# Seconds between two looks at a stack that changes.
_PAUSE = 10.0
_GONE = (
    "AWS.SimpleQueueService.NonExistentQueue",
    "NoSuchBucket",
    "QueueDoesNotExist",
    "ResourceNotFoundException",
)


def require_own_name(name: str) -> None:
    """Raise click.UsageError unless the name is one of a proof: nothing else is ever deleted."""
    if not _NAME.fullmatch(name):
        raise click.UsageError(f"{name!r} is not the name of a proof's stack: {PREFIX} and six characters.")


def remove(session: "Session", name: str, delete_stack: Callable[[], object]) -> str:
    """Delete a stack and what it retains, and return what was deleted.

    `delete_stack` deletes the stack itself and the code that was uploaded for it. Raises
    click.ClickException if something is left.
    """
    require_own_name(name)
    cloudformation = session.client("cloudformation")
    if _await_rest(cloudformation, name):
        _undo_outages(session, cloudformation, name)
        delete_stack()
    if status := _status(cloudformation, name):
        raise click.ClickException(f"{name} is {status}. The stack's events in CloudFormation say why.")
    removed = [id_ for kind, id_ in list(_retained(session, name)) if _purge(session, kind, id_)]
    return ", ".join(removed) or "nothing was left"


def _await_rest(cloudformation: Any, name: str) -> bool:
    """Wait until a deployment that was interrupted has ended; tell whether the stack exists."""
    # CloudFormation refuses to delete a stack that it updates. One in review has no resources yet.
    while (status := _status(cloudformation, name)) and status.endswith("_IN_PROGRESS"):
        if status == "REVIEW_IN_PROGRESS":
            break
        time.sleep(_PAUSE)
    return status is not None


def _status(cloudformation: Any, name: str) -> str | None:
    try:
        return str(cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"])
    except ClientError as error:
        # CloudFormation has no code of its own for a stack that does not exist.
        if error_code(error) != "ValidationError":
            raise
        return None


def undo_outage(iam: Any, role: str) -> None:
    """Remove the policy that denies the store from a role, if it is there."""
    with suppress(iam.exceptions.NoSuchEntityException):
        iam.delete_role_policy(RoleName=role, PolicyName=POLICY)


def _undo_outages(session: "Session", cloudformation: Any, name: str) -> None:
    """Undo what a killed proof left: IAM deletes no role that still has the policy."""
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=name)
    for each in (resource for page in pages for resource in page["StackResourceSummaries"]):
        if each["LogicalResourceId"] in ROLES and "PhysicalResourceId" in each:
            undo_outage(session.client("iam"), each["PhysicalResourceId"])


def _retained(session: "Session", name: str) -> Iterator[tuple[str, str]]:
    """Yield type and id of everything that is named after the stack."""
    for page in session.client("dynamodb").get_paginator("list_tables").paginate():
        yield from ((TABLE, each) for each in page["TableNames"] if each.startswith(f"{name}-"))
    for bucket in session.client("s3").list_buckets()["Buckets"]:
        if bucket["Name"].startswith(f"{name}-"):
            yield BUCKET, bucket["Name"]
    queues = session.client("sqs").list_queues(QueueNamePrefix=f"{name}-")
    yield from ((QUEUE, each) for each in queues.get("QueueUrls", ()))
    for prefix in _LOG_PREFIXES:
        groups = session.client("logs").describe_log_groups(logGroupNamePrefix=f"{prefix}{name}")
        yield from ((LOGS, each["logGroupName"]) for each in groups["logGroups"])


def _purge(session: "Session", kind: str, id_: str) -> bool:
    """Delete a resource with its content; tell whether it existed."""
    try:
        REMOVERS[kind](session, id_)
    except ClientError as error:
        if error_code(error) not in _GONE:
            raise
        return False
    return True


def _delete_bucket(session: "Session", name: str) -> None:
    s3 = session.client("s3")
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=name):
        versions = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
        objects: Any = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in versions]
        if objects:
            answer = s3.delete_objects(Bucket=name, Delete={"Objects": objects, "Quiet": True})
            if answer.get("Errors"):
                raise click.ClickException(f"S3 refused to delete some objects of {name}. Try again.")
    s3.delete_bucket(Bucket=name)


TABLE, BUCKET, QUEUE, LOGS = (
    "AWS::DynamoDB::Table",
    "AWS::S3::Bucket",
    "AWS::SQS::Queue",
    "AWS::Logs::LogGroup",
)
REMOVERS: dict[str, Callable[["Session", str], object]] = {
    TABLE: lambda session, id_: session.client("dynamodb").delete_table(TableName=id_),
    BUCKET: _delete_bucket,
    QUEUE: lambda session, id_: session.client("sqs").delete_queue(QueueUrl=id_),
    LOGS: lambda session, id_: session.client("logs").delete_log_group(logGroupName=id_),
}
