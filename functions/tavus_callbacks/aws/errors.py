"""AWS's errors as the domain's StoreDown."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from urllib3.exceptions import HTTPError

from tavus_callbacks.domain.common.errors import StoreDown

# Errors that another attempt gives again.
_FINAL = (
    "AccessDenied",
    "AccessDeniedException",
    "AWS.SimpleQueueService.NonExistentQueue",
    "NoSuchBucket",
    "ResourceNotFoundException",
    "UnrecognizedClientException",
)
# Errors that only this request gives, because of the object it names or the values it holds. The others also
# meet requests that are right. EventBridge: API_PutEventsResultEntry, "Non-retryable errors".
_OF_REQUEST = ("InvalidArgument", "MalformedDetail", "NoSuchKey", "ValidationException")


def error_code(error: ClientError) -> str:
    """Return the service's error code, such as `ConditionalCheckFailedException`."""
    return str(error.response.get("Error", {}).get("Code", ""))


def store_error(code: str) -> StoreDown:
    """Return the StoreDown of AWS's error code."""
    is_outage = code not in _OF_REQUEST
    return StoreDown(code, may_pass=is_outage and code not in _FINAL, is_outage=is_outage)


@contextmanager
def store_down() -> Iterator[None]:
    """Raise StoreDown, with AWS's code, if AWS is slow, throttles, refuses or cannot be reached."""
    try:
        yield
    except ClientError as error:
        raise store_error(error_code(error)) from error
    # The last two escape botocore: an answer that is not XML, and TLS that breaks while a body is read.
    except (BotoCoreError, ResponseParserError, HTTPError) as error:
        raise StoreDown(type(error).__name__) from error
