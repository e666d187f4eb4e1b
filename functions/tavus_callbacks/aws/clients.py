"""AWS clients: made once a runtime, with time limits that leave room to answer.

By botocore's session, for boto3 adds an import of 40 ms and nothing that is used. The build keeps the data of
the services that stand here, and of no others (infra/build/trim.py).
"""

from functools import cache
from typing import TYPE_CHECKING, Any, cast

from botocore import __version__
from botocore.config import Config
from botocore.session import Session

from tavus_callbacks.aws.retries import begin

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient

# A name of our own, for botocore puts its long one together anew at each call (8 % of its time).
_NAMED = Config(user_agent=f"tavus-callbacks botocore/{__version__}", tcp_keepalive=True)

# Seconds. For `receive`: one short attempt a call, and its own loop decides on the next (attempts.py).
_QUICK = _NAMED.merge(Config(connect_timeout=0.25, read_timeout=0.45, retries={"total_max_attempts": 1}))
# A body of 4 MB takes longer to send than a row.
_QUICK_S3 = _QUICK.merge(Config(read_timeout=0.7))
# For everything that no sender waits for.
_PATIENT = _NAMED.merge(
    Config(connect_timeout=1, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3})
)
# What rows.py writes has the right types; looking at each again is 15 % of a call.
_ROWS = Config(parameter_validation=False)


@cache
def _session() -> Session:
    return Session()


def _client(service: str, config: Config) -> Any:
    return _session().create_client(service, config=config)


def _hurried(service: str, config: Config) -> Any:
    client = _client(service, config)
    client.meta.events.register_first("before-send", begin)
    return client


@cache
def dynamodb(*, quick: bool = False) -> "DynamoDBClient":
    """Return the client for both tables."""
    made = _hurried("dynamodb", _QUICK.merge(_ROWS)) if quick else _client("dynamodb", _PATIENT.merge(_ROWS))
    return cast("DynamoDBClient", made)


@cache
def sqs(*, quick: bool = False) -> "SQSClient":
    """Return the client for the spill and for what is to be posted."""
    return cast("SQSClient", _hurried("sqs", _QUICK) if quick else _client("sqs", _PATIENT))


@cache
def s3(*, quick: bool = False) -> "S3Client":
    """Return the client for bodies that are too large for a row, and for recordings."""
    return cast("S3Client", _hurried("s3", _QUICK_S3) if quick else _client("s3", _PATIENT))


@cache
def secretsmanager() -> "SecretsManagerClient":
    """Return the client for what signs links and pushes."""
    return cast("SecretsManagerClient", _client("secretsmanager", _PATIENT))


@cache
def events() -> "EventBridgeClient":
    """Return the client for the bus."""
    return cast("EventBridgeClient", _client("events", _PATIENT))
