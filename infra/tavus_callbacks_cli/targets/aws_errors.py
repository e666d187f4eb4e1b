"""Errors of AWS as sentences that say what to do next."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from botocore.exceptions import BotoCoreError, ClientError

    from tavus_callbacks.domain.common.errors import StoreDown

_CREDENTIALS = "Renew them (`aws sso login`, `aws configure`) or choose others with AWS_PROFILE."
_PASSING = "Are network and region right? Then try again in a moment."
_REGION = "Name the stack's region with --region, or set AWS_DEFAULT_REGION."
_PERMISSION = (
    "These AWS credentials may not do that: use those of somebody who may, or choose others with AWS_PROFILE."
)

# By error code of a service, or by the name of botocore's own exception.
_ADVICE = {
    "NoCredentialsError": f"No AWS credentials were found. {_CREDENTIALS}",
    "PartialCredentialsError": f"The AWS credentials are incomplete. {_CREDENTIALS}",
    "CredentialRetrievalError": f"The AWS credentials could not be fetched. {_CREDENTIALS}",
    "SSOTokenLoadError": f"The AWS sign-in is missing. {_CREDENTIALS}",
    "TokenRetrievalError": f"The AWS sign-in has expired. {_CREDENTIALS}",
    "UnauthorizedSSOTokenError": f"The AWS sign-in has expired. {_CREDENTIALS}",
    "ExpiredToken": f"The AWS credentials have expired. {_CREDENTIALS}",
    "ExpiredTokenException": f"The AWS credentials have expired. {_CREDENTIALS}",
    "InvalidClientTokenId": f"AWS does not know these credentials. {_CREDENTIALS}",
    "UnrecognizedClientException": f"AWS does not know these credentials. {_CREDENTIALS}",
    "SignatureDoesNotMatch": f"AWS does not accept these credentials. {_CREDENTIALS}",
    "ProfileNotFound": "There is no AWS profile of that name: see `aws configure list-profiles`.",
    "NoRegionError": f"No AWS region is set. {_REGION}",
    "InvalidRegionError": f"That is no AWS region. {_REGION}",
    "AccessDenied": _PERMISSION,
    "AccessDeniedException": _PERMISSION,
    "ResourceNotFoundException": "The stack names a table or function that is gone: deploy it again.",
}


def error_advice(code: str) -> str | None:
    """Return what an error of AWS means and what to do next, or None if it may pass by itself."""
    return _ADVICE.get(code)


def error_code(error: "ClientError | BotoCoreError | StoreDown") -> str:
    """Return the code that AWS answered, or the name of botocore's own exception."""
    from botocore.exceptions import ClientError

    from tavus_callbacks.domain.common.errors import StoreDown

    if isinstance(error, StoreDown):
        return str(error)
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", "an error without a code"))
    return type(error).__name__


@contextmanager
def aws_errors() -> Iterator[None]:
    """Raise errors of AWS and botocore as click.ClickException."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (ClientError, BotoCoreError) as error:
        code = error_code(error)
        raise click.ClickException(error_advice(code) or f"AWS: {code}. {_PASSING}") from error


@contextmanager
def incomplete_errors(advice: str) -> Iterator[None]:
    """Raise a StoreDown that stopped a command halfway as click.ClickException, with how to go on."""
    from tavus_callbacks.domain.common.errors import StoreDown

    try:
        yield
    except StoreDown as error:
        raise click.ClickException(f"AWS did not take all of it ({error}). {advice}") from error
