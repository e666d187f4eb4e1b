"""A deployed stack, seen with the operator's own AWS credentials: its outputs and its functions' settings.

What AWS answers instead is turned into a sentence that says what to do next.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from tavus_callbacks_cli.output.shell import quote

if TYPE_CHECKING:
    from boto3 import Session
    from botocore.exceptions import BotoCoreError, ClientError
    from mypy_boto3_cloudformation.type_defs import StackTypeDef

_CREDENTIALS = "Renew them (`aws sso login`, `aws configure`) or choose others with AWS_PROFILE."
_PASSING = "Are network and region right? Then try again in a moment."
_REGION = "Name the stack's region with --region, or set AWS_DEFAULT_REGION."
_PERMISSION = (
    "These AWS credentials may not do that: use those of somebody who may, or choose others with AWS_PROFILE."
)

# By error code of a service, or by the name of botocore's own exception.
_REFUSALS = {
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


def refusal(code: str) -> str | None:
    """Say what an error of AWS means and what to do next, or None where it may pass by itself."""
    return _REFUSALS.get(code)


@contextmanager
def aws_errors() -> Iterator[None]:
    """Raise what AWS or botocore refuses as click.ClickException."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (ClientError, BotoCoreError) as error:
        code = _code(error)
        raise click.ClickException(refusal(code) or f"AWS: {code}. {_PASSING}") from error


def _code(error: "ClientError | BotoCoreError") -> str:
    from botocore.exceptions import ClientError

    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", "an error without a code"))
    return type(error).__name__


def open_session(region: str | None) -> "Session":
    """Return a session by boto3's usual chain of credentials; raises click.ClickException."""
    import boto3

    with aws_errors():
        return boto3.Session(region_name=region)


def outputs(session: "Session", stack: str) -> dict[str, str]:
    """Return a stack's outputs by name."""
    return outputs_in(described(session, stack))


def described(session: "Session", stack: str) -> "StackTypeDef":
    """Return what CloudFormation says of a stack; raises click.ClickException."""
    with aws_errors(), _no_such_stack(session, stack):
        return session.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]


def outputs_in(found: "StackTypeDef") -> dict[str, str]:
    """Return a described stack's outputs by name."""
    return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}


def parameters_in(found: "StackTypeDef") -> dict[str, str]:
    """Return the parameters that a described stack was deployed with, by name."""
    return {one["ParameterKey"]: one["ParameterValue"] for one in found.get("Parameters", [])}


def environment(session: "Session", stack: str, function: str) -> dict[str, str]:
    """Return the environment variables of one of a stack's functions, by its logical id."""
    with aws_errors(), _no_such_stack(session, stack):
        resource = session.client("cloudformation").describe_stack_resource(
            StackName=stack, LogicalResourceId=function
        )
        name = resource["StackResourceDetail"]["PhysicalResourceId"]
        found = session.client("lambda").get_function_configuration(FunctionName=name)
    return found["Environment"]["Variables"]


@contextmanager
def _no_such_stack(session: "Session", stack: str) -> Iterator[None]:
    from botocore.exceptions import ClientError

    try:
        yield
    except ClientError as error:
        # CloudFormation has no code of its own for a stack that does not exist.
        if _code(error) != "ValidationError":
            raise
        raise click.ClickException(
            f"There is no tavus-callbacks stack {quote(stack)} in {session.region_name}. "
            "`aws cloudformation list-stacks` names those that are; --region looks elsewhere."
        ) from error
