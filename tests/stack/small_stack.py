"""A stack of a few resources, for promises that hold for any template."""

from pathlib import Path
from typing import TYPE_CHECKING

from tavus_callbacks_cli.local_stack.account import isolated_session
from tavus_callbacks_cli.local_stack.options import Options
from tavus_callbacks_cli.local_stack.registry import RunningStack

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client


def small_stack(folder: Path, template: str, code: str, port: int = 0) -> Options:
    """Write a template and the code of its function `hello.handler`, and say where they are."""
    (folder / "code").mkdir()
    (folder / "code" / "hello.py").write_text(code)
    (folder / "template.yaml").write_text(template)
    return Options(port=port, template=folder / "template.yaml", state_root=folder / "state")


def dynamodb(running: RunningStack) -> "DynamoDBClient":
    """Reach the stack's tables."""
    return isolated_session(running.aws_access_key_id).client("dynamodb", endpoint_url=running.endpoint_url)


def s3(running: RunningStack) -> "S3Client":
    """Reach the stack's buckets."""
    return isolated_session(running.aws_access_key_id).client("s3", endpoint_url=running.endpoint_url)
