"""Errors of AWS as sentences that say what to do next."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from tavus_callbacks_cli.output.text import escape

if TYPE_CHECKING:
    from botocore.exceptions import BotoCoreError, ClientError

    from tavus_callbacks.domain.common.errors import StoreDown

_CREDENTIALS = "Run `aws sso login` or `aws configure`, or choose another profile with AWS_PROFILE."
_REGION = "Add --region REGION, or set AWS_DEFAULT_REGION."
_NETWORK = "AWS does not answer. Check your network and the region, then try again."
_PROXY = "AWS cannot be reached through your proxy. Check HTTPS_PROXY and NO_PROXY."
_PERMISSION = "Your AWS credentials do not allow this. Choose others with AWS_PROFILE."

# By error code of a service, or by the name of botocore's own exception.
_ADVICE = {
    "NoCredentialsError": f"No AWS credentials were found. {_CREDENTIALS}",
    "PartialCredentialsError": f"The AWS credentials are incomplete. {_CREDENTIALS}",
    "CredentialRetrievalError": f"The AWS credentials cannot be fetched. {_CREDENTIALS}",
    "SSOTokenLoadError": f"You are not signed in to AWS. {_CREDENTIALS}",
    "TokenRetrievalError": f"Your sign-in to AWS has expired. {_CREDENTIALS}",
    "UnauthorizedSSOTokenError": f"Your sign-in to AWS has expired. {_CREDENTIALS}",
    "ExpiredToken": f"The AWS credentials have expired. {_CREDENTIALS}",
    "ExpiredTokenException": f"The AWS credentials have expired. {_CREDENTIALS}",
    "InvalidClientTokenId": f"AWS does not know these credentials. {_CREDENTIALS}",
    "UnrecognizedClientException": f"AWS does not know these credentials. {_CREDENTIALS}",
    "SignatureDoesNotMatch": f"AWS does not accept these credentials. {_CREDENTIALS}",
    "ProfileNotFound": "This AWS profile does not exist. `aws configure list-profiles` lists yours.",
    "NoRegionError": f"No AWS region is set. {_REGION}",
    "InvalidRegionError": f"This is not the name of an AWS region. {_REGION}",
    "EndpointConnectionError": _NETWORK,
    "ConnectTimeoutError": _NETWORK,
    "ReadTimeoutError": _NETWORK,
    "ConnectionClosedError": _NETWORK,
    "ProxyConnectionError": _PROXY,
    "HTTPClientError": _PROXY,
    "SSLError": "The certificate of AWS is not trusted. Check AWS_CA_BUNDLE and your proxy.",
    "AccessDenied": _PERMISSION,
    "AccessDeniedException": _PERMISSION,
    "ResourceNotFoundException": "A table or function of the stack does not exist any more. Deploy it again.",
}


def error_advice(code: str) -> str | None:
    """Return the meaning of an error of AWS and what to do next, or None if it may pass by itself."""
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
        # The names of botocore's exceptions about files and variables, such as InvalidRetryModeError.
        if (
            isinstance(error, BotoCoreError)
            and code.startswith(("Config", "Invalid"))
            and code not in _ADVICE
        ):
            raise _setup_error(error) from error
        raise click.ClickException(error_advice(code) or f"AWS: {code}. Try again in a moment.") from error


@contextmanager
def setup_errors() -> Iterator[None]:
    """Raise plain Python errors, with which botocore refuses some AWS variables, as click.ClickException."""
    from botocore.exceptions import BotoCoreError

    try:
        yield
    except (ValueError, OSError) as error:
        # Some of botocore's own exceptions are a ValueError, too.
        if isinstance(error, BotoCoreError):
            raise
        raise _setup_error(error) from error


def _setup_error(error: Exception) -> click.ClickException:
    return click.ClickException(
        f"Your AWS setup has a mistake: {escape(str(error)).rstrip('.')}. "
        "Check ~/.aws and the variables that begin with AWS_."
    )


@contextmanager
def incomplete_errors(advice: str) -> Iterator[None]:
    """Raise a StoreDown that stopped a command halfway as click.ClickException, with how to go on."""
    from tavus_callbacks.domain.common.errors import StoreDown

    try:
        yield
    except StoreDown as error:
        reason = error_advice(str(error)) or f"AWS did not accept everything ({error})."
        raise click.ClickException(f"{reason} {advice}") from error
