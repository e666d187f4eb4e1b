"""One mapping from what AWS raises to what the domain says."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError

from tavus_callbacks.domain.errors import StoreDown


def code(error: ClientError) -> str:
    """Return the service's error code, such as `ConditionalCheckFailedException`."""
    return str(error.response.get("Error", {}).get("Code", ""))


@contextmanager
def store_down() -> Iterator[None]:
    """Raise StoreDown where AWS is slow, throttles, refuses or cannot be reached; the code goes along."""
    try:
        yield
    except ClientError as error:
        raise StoreDown(code(error)) from error
    except BotoCoreError as error:
        raise StoreDown(type(error).__name__) from error
