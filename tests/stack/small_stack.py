"""A stack of a few resources, for what holds of any template."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3

from tavus_callbacks_cli.local.registry import RunningStack
from tavus_callbacks_cli.local.stack import Options

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

_KEYS: Any = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}


def small_stack(folder: Path, template: str, code: str, port: int = 0) -> Options:
    """Write a template and the code of its function `hello.handler`, and say where they are."""
    (folder / "code").mkdir()
    (folder / "code" / "hello.py").write_text(code)
    (folder / "template.yaml").write_text(template)
    return Options(port=port, template=folder / "template.yaml", state_root=folder / "state")


def dynamodb(running: RunningStack) -> "DynamoDBClient":
    """Reach the stack's tables."""
    return boto3.client("dynamodb", running.region, endpoint_url=running.endpoint_url, **_KEYS)


def s3(running: RunningStack) -> "S3Client":
    """Reach the stack's buckets."""
    return boto3.client("s3", running.region, endpoint_url=running.endpoint_url, **_KEYS)
