"""One mapping from what AWS raises to what the domain says."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError

from tavus_callbacks.domain.common.errors import StoreDown

# What another attempt answers alike; anything else may pass.
_FOR_GOOD = (
    "AccessDenied",
    "AccessDeniedException",
    "AWS.SimpleQueueService.NonExistentQueue",
    "NoSuchBucket",
    "ResourceNotFoundException",
    "UnrecognizedClientException",
    "ValidationException",
)


def code(error: ClientError) -> str:
    """Return the service's error code, such as `ConditionalCheckFailedException`."""
    return str(error.response.get("Error", {}).get("Code", ""))


@contextmanager
def store_down() -> Iterator[None]:
    """Raise StoreDown where AWS is slow, throttles, refuses or cannot be reached; the code goes along."""
    try:
        yield
    except ClientError as error:
        raise StoreDown(code(error), may_pass=code(error) not in _FOR_GOOD) from error
    except BotoCoreError as error:
        raise StoreDown(type(error).__name__) from error
