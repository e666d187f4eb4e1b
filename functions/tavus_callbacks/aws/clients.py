"""AWS clients: made once a runtime, with time limits that leave room to answer."""

from functools import cache
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient

# Seconds. One attempt a call: a second one would hide a slow store behind a slower answer.
_CONFIG = Config(connect_timeout=1, read_timeout=1.2, retries={"total_max_attempts": 1}, tcp_keepalive=True)
# A body of 4 MB takes longer to send than a row.
_S3_CONFIG = Config(connect_timeout=1, read_timeout=5, retries={"total_max_attempts": 2})


@cache
def dynamodb() -> "DynamoDBClient":
    """Return the client for both tables."""
    return boto3.client("dynamodb", config=_CONFIG)


@cache
def s3() -> "S3Client":
    """Return the client for bodies that are too large for a row."""
    return boto3.client("s3", config=_S3_CONFIG)


@cache
def secretsmanager() -> "SecretsManagerClient":
    """Return the client for the signing key."""
    return boto3.client("secretsmanager", config=_CONFIG)
