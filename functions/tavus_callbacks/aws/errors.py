"""AWS's errors as the domain's StoreDown."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError

from tavus_callbacks.domain.common.errors import StoreDown

# Errors that another attempt gives again.
_FINAL = (
    "AccessDenied",
    "AccessDeniedException",
    "AWS.SimpleQueueService.NonExistentQueue",
    "NoSuchBucket",
    "ResourceNotFoundException",
    "UnrecognizedClientException",
    "ValidationException",
)


def error_code(error: ClientError) -> str:
    """Return the service's error code, such as `ConditionalCheckFailedException`."""
    return str(error.response.get("Error", {}).get("Code", ""))


@contextmanager
def store_down() -> Iterator[None]:
    """Raise StoreDown, with AWS's code, if AWS is slow, throttles, refuses or cannot be reached."""
    try:
        yield
    except ClientError as error:
        code = error_code(error)
        raise StoreDown(code, may_pass=code not in _FINAL) from error
    except BotoCoreError as error:
        raise StoreDown(type(error).__name__) from error
