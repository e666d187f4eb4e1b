"""AWS clients: one a runtime, with time limits that leave room to answer.

botocore makes them, because boto3 adds an import of 40 ms and nothing that is used. The build keeps only the
data of the services named here (infra/build/trim.py).
"""

from functools import cache
from typing import TYPE_CHECKING, Any, cast

from botocore import __version__
from botocore.config import Config
from botocore.session import Session

from tavus_callbacks.aws.retries import check_deadline

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient

# A fixed name, because botocore composes its own at each call (8 % of the call's time).
_NAMED = Config(user_agent=f"tavus-callbacks botocore/{__version__}", tcp_keepalive=True)

# Seconds. For `receive`: one short attempt a call, and retries.py decides on the next.
_QUICK = _NAMED.merge(Config(connect_timeout=0.25, read_timeout=0.45, retries={"total_max_attempts": 1}))
# A body of 4 MB takes longer to send than an item.
_QUICK_S3 = _QUICK.merge(Config(read_timeout=0.7))
# For everything that no sender waits for.
_PATIENT = _NAMED.merge(
    Config(connect_timeout=1, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3})
)
# items.py writes the right types; checking them again is 15 % of a call.
_UNCHECKED = Config(parameter_validation=False)


@cache
def _session() -> Session:
    return Session()


def _client(service: str, config: Config) -> Any:
    return _session().create_client(service, config=config)


def _quick_client(service: str, config: Config) -> Any:
    client = _client(service, config)
    client.meta.events.register_first("before-send", check_deadline)
    return client


@cache
def dynamodb(*, quick: bool = False) -> "DynamoDBClient":
    """Return the client for both tables."""
    if quick:
        return cast("DynamoDBClient", _quick_client("dynamodb", _QUICK.merge(_UNCHECKED)))
    return cast("DynamoDBClient", _client("dynamodb", _PATIENT.merge(_UNCHECKED)))


@cache
def sqs(*, quick: bool = False) -> "SQSClient":
    """Return the client for the spill queue and the queue of pushes."""
    return cast("SQSClient", _quick_client("sqs", _QUICK) if quick else _client("sqs", _PATIENT))


@cache
def s3(*, quick: bool = False) -> "S3Client":
    """Return the client for large bodies, recordings and dead letters."""
    return cast("S3Client", _quick_client("s3", _QUICK_S3) if quick else _client("s3", _PATIENT))


@cache
def secretsmanager() -> "SecretsManagerClient":
    """Return the client for the secrets that sign URLs and pushes."""
    return cast("SecretsManagerClient", _client("secretsmanager", _PATIENT))


@cache
def events() -> "EventBridgeClient":
    """Return the client for the event bus."""
    return cast("EventBridgeClient", _client("events", _PATIENT))
