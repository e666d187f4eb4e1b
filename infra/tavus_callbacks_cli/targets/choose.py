"""The target of a command: you name it on the command line or in the environment.

--local                the stack that `tavus-callbacks local` runs here    asks over HTTP
--stack NAME           a deployed stack, with AWS credentials              runs the API's code here
TAVUS_CALLBACKS_STACK  the same, as a default
TAVUS_CALLBACKS_URL    any stack, with a read token                        asks over HTTP

An option wins over the environment. Both variables without an option are an error.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

import click

from tavus_callbacks.domain.common.token import Scope, find_tokens, is_well_formed
from tavus_callbacks_cli.output import shell
from tavus_callbacks_cli.targets.urls import is_sendable

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from boto3 import Session

    from tavus_callbacks_cli.local_stack.registry import RunningStack
    from tavus_callbacks_cli.targets.api_client import ApiClient
    from tavus_callbacks_cli.targets.aws_stack import Deployment
    from tavus_callbacks_cli.targets.store import Store, Tables

STACK = "TAVUS_CALLBACKS_STACK"
URL = "TAVUS_CALLBACKS_URL"
TOKEN_VARIABLES: dict[Scope, str] = {
    "read": "TAVUS_CALLBACKS_READ_TOKEN",
    "quarantine": "TAVUS_CALLBACKS_QUARANTINE_TOKEN",
}

# The label of the callback_url that a local stack prints.
OWN_LABEL = "local"

NO_TARGET = f"""Name a target:
  --local        the stack that `tavus-callbacks local` runs on this machine
  --stack NAME   a deployed stack, with your AWS credentials
Or set a default in the environment:
  {STACK}=NAME
  {URL}=https://HOST and {TOKEN_VARIABLES["read"]}
  (quarantine: {TOKEN_VARIABLES["quarantine"]})"""
_READS_ONLY = f"This command needs AWS credentials, and {URL} can only read. Add --stack NAME or --local."
_TWO_DEFAULTS = f"{STACK} and {URL} are both set. Unset one of them, or add --local or --stack NAME."


class Target(Protocol):
    """Where a command works."""

    @property
    def name(self) -> str:
        """The target's name for people, without secrets."""

    @property
    def options(self) -> tuple[str, ...]:
        """The options that name it to a command; none if the environment names it."""

    @property
    def is_local(self) -> bool:
        """Whether it runs on this machine."""

    @property
    def api_url(self) -> str:
        """The URL of its API, which is the same however the target is named."""

    def open_api(self, scope: Scope) -> "AbstractContextManager[ApiClient]":
        """Open the API with a token of the scope."""

    def deployment(self) -> "Deployment":
        """Open the stack as its operator; raises click.UsageError if the target gives no access."""

    def tables(self) -> "Tables":
        """Open the tables for managing tokens; raises click.UsageError if the target gives no access."""

    def store(self) -> "Store":
        """Open the stored data, to work on it; raises click.UsageError if the target gives no access."""


@dataclass(frozen=True, slots=True)
class LocalTarget:
    """A stack that runs on this machine."""

    is_local: ClassVar = True
    stack: "RunningStack"
    has_port: bool = False

    @property
    def name(self) -> str:
        """Name it by its port."""
        return f"the local stack on port {self.stack.port}"

    @property
    def options(self) -> tuple[str, ...]:
        """Name the port if the command line does. Without it, only one local stack runs."""
        return ("--local", "--port", str(self.stack.port)) if self.has_port else ("--local",)

    @property
    def api_url(self) -> str:
        """Return the URL on loopback."""
        return self.stack.api_url

    @contextmanager
    def open_api(self, scope: Scope) -> "Iterator[ApiClient]":
        """Open it with the stack's own token."""
        from tavus_callbacks_cli.targets.api_client import ApiClient, http_client

        token = self.stack.quarantine_token if scope == "quarantine" else self.stack.read_token
        with http_client(self.stack.api_url, token) as http:
            again = "Restart `tavus-callbacks local`."
            refused = f"The {scope} token of the local stack was revoked. {again} It makes a new one."
            yield ApiClient(http, refused, again, self.options)

    def deployment(self) -> "Deployment":
        """Open its embedded services."""
        from tavus_callbacks_cli.targets.aws_stack import local_deployment

        return local_deployment(self.stack, self.options)

    def tables(self) -> "Tables":
        """Open the embedded tables."""
        return self.deployment().tables

    def store(self) -> "Store":
        """Open the embedded store."""
        return self.deployment().store


@dataclass(frozen=True, slots=True)
class StackTarget:
    """A deployed stack, reached with AWS credentials."""

    is_local: ClassVar = False
    stack: str
    session: "Session"

    @property
    def name(self) -> str:
        """Name it with its region, because several regions may have a stack of that name."""
        return f"stack {self.stack} in {self.session.region_name or 'no region'}"

    @property
    def options(self) -> tuple[str, ...]:
        """Name the region too, because another shell may be set up for another one."""
        region = self.session.region_name
        return "--stack", self.stack, *(("--region", region) if region else ())

    @property
    def api_url(self) -> str:
        """Return the stack's output; raises click.ClickException."""
        return self.tables().api_url

    @contextmanager
    def open_api(self, scope: Scope) -> "Iterator[ApiClient]":  # noqa: ARG002 - AWS decides, not a token
        """Open it without a token."""
        from tavus_callbacks_cli.targets.api_client import ApiClient
        from tavus_callbacks_cli.targets.in_process import in_process_client

        with in_process_client(self.session, self.stack) as http:
            again = f"Stack {self.stack} may be of another version. Deploy it again."
            yield ApiClient(http, "", again, self.options)

    def deployment(self) -> "Deployment":
        """Open what CloudFormation describes."""
        from tavus_callbacks_cli.targets.aws_stack import aws_deployment

        return aws_deployment(self.session, self.stack, self.options)

    def tables(self) -> "Tables":
        """Open the tables that the stack's outputs name."""
        return self.deployment().tables

    def store(self) -> "Store":
        """Open the store that the stack's outputs name."""
        return self.deployment().store


@dataclass(frozen=True, slots=True)
class UrlTarget:
    """An API by its URL, with tokens from the environment."""

    is_local: ClassVar = False
    url: str
    environment: Mapping[str, str]

    @property
    def name(self) -> str:
        """Name it by its URL."""
        return self.url

    @property
    def api_url(self) -> str:
        """Return the URL of the environment."""
        return self.url

    @property
    def options(self) -> tuple[str, ...]:
        """Name nothing: the URL is in the environment."""
        return ()

    @contextmanager
    def open_api(self, scope: Scope) -> "Iterator[ApiClient]":
        """Open it with the scope's token."""
        from tavus_callbacks_cli.targets.api_client import ApiClient, http_client

        variable = TOKEN_VARIABLES[scope]
        options = ("--label", "NAME", "--scope", scope, "--stack", "STACK")
        another = f"Create one with `{shell.command('token create', options=options)}`."
        token = self.environment.get(variable, "").strip()
        # Anything else may be another secret, or half a token. It is not sent.
        if not is_well_formed(token):
            fault = "does not hold a whole token" if token else "is not set"
            raise click.UsageError(f"{URL} is set, but {variable} {fault}. {another}")
        with http_client(self.url, token) as http:
            refused = f"The token in {variable} is revoked, expired, or has another scope. {another}"
            unreachable = f"Check {URL}: it must be the stack's output ApiUrl."
            yield ApiClient(http, refused, unreachable)

    def deployment(self) -> "Deployment":
        """Refuse: a URL gives no access to AWS."""
        raise click.UsageError(_READS_ONLY)

    def tables(self) -> "Tables":
        """Refuse: a URL gives no access to tables."""
        raise click.UsageError(_READS_ONLY)

    def store(self) -> "Store":
        """Refuse: a URL only reads."""
        raise click.UsageError(_READS_ONLY)


def choose(
    environment: Mapping[str, str],
    *,
    is_local: bool,
    port: int | None,
    stack: str | None,
    region: str | None,
) -> Target:
    """Return the target that the options or the environment name; raises click.ClickException."""
    _check_options(is_local=is_local, port=port, stack=stack, region=region)
    if is_local:
        return LocalTarget(running_stack(port), has_port=port is not None)
    if stack is None and environment.get(STACK):
        if environment.get(URL):
            raise click.UsageError(_TWO_DEFAULTS)
        stack = environment[STACK]
    if stack is not None:
        from tavus_callbacks_cli.targets.aws_stack import open_session

        return StackTarget(stack, open_session(region))
    if region:
        raise click.UsageError("--region goes with --stack.")
    if environment.get(URL):
        return UrlTarget(parse_api_url(environment[URL]), environment)
    raise click.UsageError(NO_TARGET)


def _check_options(*, is_local: bool, port: int | None, stack: str | None, region: str | None) -> None:
    for option, value in (("--stack", stack), ("--region", region)):
        # An unset shell variable gives an empty name. The default must not replace it.
        if value == "":
            raise click.UsageError(f"{option} is empty. Write {option} NAME.")
    if is_local and stack:
        raise click.UsageError("--local and --stack name two targets. Use one of them.")
    if port is not None and not is_local:
        raise click.UsageError("--port goes with --local.")
    if region and is_local:
        raise click.UsageError("--region goes with --stack.")


def option_to_add(environment: Mapping[str, str]) -> str:
    """Return the option that names the default target, or all options that name a target."""
    stack = environment.get(STACK)
    return f"`{shell.line('--stack', stack)}`" if stack else "--local or --stack NAME"


def running_ports() -> list[int]:
    """Return the ports of the local stacks that run; raises click.ClickException."""
    from tavus_callbacks_cli.local_stack.registry import running_stacks

    return [stack.port for stack in running_stacks()]


def running_stack(port: int | None) -> "RunningStack":
    """Return the local stack on a port, or the only one; raises click.ClickException."""
    from tavus_callbacks_cli.local_stack.registry import running_stacks

    stacks = running_stacks()
    ports = ", ".join(str(stack.port) for stack in stacks)
    if not stacks:
        raise click.ClickException("No local stack is running. Start one with `tavus-callbacks local`.")
    if port is None and len(stacks) > 1:
        raise click.UsageError(f"Several local stacks are running, on ports {ports}. Add --port N.")
    for stack in stacks:
        if port in (None, stack.port):
            return stack
    raise click.ClickException(f"No local stack is running on port {port}. Running: {ports}.")


def parse_api_url(text: str) -> str:
    """Return an API's URL without space and slash at its ends; raises click.UsageError if it is unsafe."""
    url = text.strip().rstrip("/")
    if find_tokens(url) or "?" in url:
        raise click.UsageError(
            f"{URL} holds a callback_url. Use the address of the API, which ends before /callbacks/."
        )
    if not is_sendable(url):
        raise click.UsageError(
            f"{URL} is not an address of an API. Use https://HOST, as in the stack's output ApiUrl."
        )
    return url
