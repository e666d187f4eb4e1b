"""The one target a command works on: named by the person, said aloud, never exchanged for another.

--local              the stack that `tavus-callbacks local` runs here    asks over HTTP
--stack NAME         a deployed stack, with AWS credentials              runs the reader's code here
TAVUS_CALLBACKS_URL  any stack, with a read token                        asks over HTTP
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

import click

from tavus_callbacks.domain.common.token import Scope, find_tokens, is_well_formed
from tavus_callbacks_cli.output import shell
from tavus_callbacks_cli.output.console import note

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from boto3 import Session
    from mypy_boto3_dynamodb.service_resource import DynamoDBServiceResource, Table

    from tavus_callbacks_cli.local_stack.registry import RunningStack
    from tavus_callbacks_cli.operations.reindex import Store
    from tavus_callbacks_cli.targets.api_client import Reader

URL = "TAVUS_CALLBACKS_URL"
TOKEN_VARIABLES: dict[Scope, str] = {
    "read": "TAVUS_CALLBACKS_READ_TOKEN",
    "quarantine": "TAVUS_CALLBACKS_QUARANTINE_TOKEN",
}
LOOPBACK = ("127.0.0.1", "::1", "localhost")

NO_TARGET = f"""Say which target to work on, one of:
  --local        the stack that `tavus-callbacks local` runs on this machine
  --stack NAME   a deployed stack, with your AWS credentials
  or in the environment: {URL} and {TOKEN_VARIABLES["read"]}
  (for quarantine {TOKEN_VARIABLES["quarantine"]})"""


@dataclass(frozen=True, slots=True)
class Tables:
    """What managing tokens takes: the tokens, where their use is noted, the API that takes them."""

    tokens: "Table"
    events: "Table"
    api_url: str


class Target(Protocol):
    """Where a command looks; `name` is how it is said aloud, without secrets."""

    @property
    def name(self) -> str:
        """How the target is said aloud, without secrets."""

    @property
    def options(self) -> tuple[str, ...]:
        """The options that name it to a command; none where the environment does."""

    def reader(self, scope: Scope) -> "AbstractContextManager[Reader]":
        """Open the read side with a token of the scope."""

    def tables(self) -> Tables:
        """Open the tables; raises click.UsageError where the target gives no access to them."""

    def store(self) -> "Store":
        """Open what is kept, to work on it; raises click.UsageError where the target gives no access."""


@dataclass(frozen=True, slots=True)
class LocalTarget:
    """A stack that runs on this machine."""

    stack: "RunningStack"

    @property
    def name(self) -> str:
        """Name it by its port."""
        return f"the local stack on port {self.stack.port}"

    @property
    def options(self) -> tuple[str, ...]:
        """Name the port too, for several may run."""
        return "--local", "--port", str(self.stack.port)

    @contextmanager
    def reader(self, scope: Scope) -> "Iterator[Reader]":
        """Open it with the stack's own token."""
        from tavus_callbacks_cli.targets.api_client import Reader, http_client

        token = self.stack.quarantine_token if scope == "quarantine" else self.stack.read_token
        with http_client(self.stack.api_url, token) as client:
            again = "Start `tavus-callbacks local` again: it makes what is missing."
            yield Reader(client, f"The local stack's {scope} token was revoked. {again}", again, self.options)

    def tables(self) -> Tables:
        """Open the embedded tables."""
        from tavus_callbacks_cli.local_stack.account import isolated_session

        session = isolated_session(self.stack.aws_access_key_id)
        resource = session.resource("dynamodb", endpoint_url=self.stack.endpoint_url)
        return _tables(resource, self.stack.outputs)

    def store(self) -> "Store":
        """Open the embedded store."""
        from tavus_callbacks_cli.local_stack.account import isolated_session

        session = isolated_session(self.stack.aws_access_key_id)
        return _store(session, self.stack.outputs, self.stack.endpoint_url)


@dataclass(frozen=True, slots=True)
class StackTarget:
    """A deployed stack, reached with AWS credentials."""

    stack: str
    session: "Session"

    @property
    def name(self) -> str:
        """Name it with its region, for the same name may stand in several."""
        return f"stack {self.stack} in {self.session.region_name or 'no region'}"

    @property
    def options(self) -> tuple[str, ...]:
        """Name the region too, for another shell may be set up for another."""
        region = self.session.region_name
        return "--stack", self.stack, *(("--region", region) if region else ())

    @contextmanager
    def reader(self, scope: Scope) -> "Iterator[Reader]":  # noqa: ARG002 - AWS decides, not a token
        """Open it without a token."""
        from tavus_callbacks_cli.targets.api_client import Reader, direct_client

        with direct_client(self.session, self.stack) as client:
            again = f"Is stack {self.stack} of this version? Deploy it again."
            yield Reader(client, "", again, self.options)

    def tables(self) -> Tables:
        """Open the tables that the stack's outputs name."""
        from tavus_callbacks_cli.targets.stack_outputs import aws_errors, outputs

        found = outputs(self.session, self.stack)
        with aws_errors():
            return _tables(self.session.resource("dynamodb"), found)

    def store(self) -> "Store":
        """Open what the stack's outputs name."""
        from tavus_callbacks_cli.targets.stack_outputs import outputs

        return _store(self.session, outputs(self.session, self.stack), None)


@dataclass(frozen=True, slots=True)
class UrlTarget:
    """An API known by its URL, with tokens from the environment."""

    url: str
    environment: Mapping[str, str]

    @property
    def name(self) -> str:
        """Name it by its URL."""
        return self.url

    @property
    def options(self) -> tuple[str, ...]:
        """Name nothing: the URL stands in the environment."""
        return ()

    @contextmanager
    def reader(self, scope: Scope) -> "Iterator[Reader]":
        """Open it with the scope's token."""
        from tavus_callbacks_cli.targets.api_client import Reader, http_client

        variable = TOKEN_VARIABLES[scope]
        options = ("--label", "NAME", "--scope", scope, "--stack", "STACK")
        another = f"`{shell.command('token create', options=options)}` makes one"
        with http_client(self.url, self._token(variable, another)) as client:
            refused = f"{variable} is not accepted: it is revoked, expired, or no {scope} token. {another}."
            yield Reader(
                client, refused, f"Is {URL} right, and is the API up? It is the stack's output ApiUrl."
            )

    def _token(self, variable: str, another: str) -> str:
        token = self.environment.get(variable, "").strip()
        # Anything else is somebody's other secret, or half a token: better not sent.
        if not is_well_formed(token):
            fault = "holds no whole token" if token else "is not set"
            raise click.UsageError(f"{URL} is set, but {variable} {fault}; {another}.")
        return token

    def tables(self) -> Tables:
        """Refuse: a URL gives no access to tables."""
        raise click.UsageError(
            f"Tokens are managed with AWS credentials, never through {URL}: use --stack NAME or --local."
        )

    def store(self) -> "Store":
        """Refuse: a URL only reads."""
        raise click.UsageError(f"This takes AWS credentials, not {URL}: use --stack NAME or --local.")


def _store(session: "Session", outputs: Mapping[str, str], endpoint_url: str | None) -> "Store":
    from botocore.config import Config

    from tavus_callbacks.aws.stores.bodies import Bodies
    from tavus_callbacks_cli.operations.reindex import Store

    # What is kept must be seen soon after its time, or pulling may pass it by: no long waits, no repeats of
    # botocore's own. A command that fails can be started again.
    brief = Config(connect_timeout=3, read_timeout=5, retries={"total_max_attempts": 1})
    s3 = session.client("s3", endpoint_url=endpoint_url)
    return Store(
        session.client("dynamodb", endpoint_url=endpoint_url, config=brief),
        _output(outputs, "EventsTableName"),
        Bodies(_output(outputs, "BodiesBucketName"), lambda: s3),
    )


def _tables(resource: "DynamoDBServiceResource", outputs: Mapping[str, str]) -> Tables:
    names = ("TokensTableName", "EventsTableName", "ApiUrl")
    tokens, events, api_url = (_output(outputs, name) for name in names)
    return Tables(resource.Table(tokens), resource.Table(events), api_url)


def _output(outputs: Mapping[str, str], name: str) -> str:
    if name not in outputs:
        raise click.ClickException(
            f"The stack has no output {name!r}: is it a tavus-callbacks stack of this version?"
        )
    return outputs[name]


def local_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command `--local` and `--port`."""
    command = click.option("--port", type=int, metavar="N", help="Which local stack, where several run.")(
        command
    )
    return click.option(
        "--local", "is_local", is_flag=True, help="Work on the stack that runs on this machine."
    )(command)


def target_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that name a target, and the target as its first argument."""

    @wraps(command)
    def with_target(
        *args: Any,
        is_local: bool,
        port: int | None,
        stack: str | None,
        region: str | None,
        **kwargs: Any,
    ) -> None:
        target = choose(os.environ, is_local=is_local, port=port, stack=stack, region=region)
        note(f"on {target.name}")
        command(target, *args, **kwargs)

    region = click.option(
        "--region", metavar="REGION", help="The stack's region; otherwise as AWS is set up."
    )
    stack = click.option("--stack", metavar="NAME", help="Work on a deployed stack, with AWS credentials.")
    return local_options(stack(region(with_target)))


def choose(
    environment: Mapping[str, str],
    *,
    is_local: bool,
    port: int | None,
    stack: str | None,
    region: str | None,
) -> Target:
    """Return the target that was named; raises click.ClickException where it is none, or more than one."""
    _refuse_contradictions(is_local=is_local, port=port, stack=stack, region=region)
    if is_local:
        return LocalTarget(running_stack(port))
    if stack is not None:
        from tavus_callbacks_cli.targets.stack_outputs import open_session

        return StackTarget(stack, open_session(region))
    if environment.get(URL):
        return UrlTarget(api_url(environment[URL]), environment)
    raise click.UsageError(NO_TARGET)


def _refuse_contradictions(
    *, is_local: bool, port: int | None, stack: str | None, region: str | None
) -> None:
    # An empty one is a shell variable that was not set: it means no other target.
    if "" in (stack, region):
        raise click.UsageError("--stack and --region want a name, and here it is empty.")
    if is_local and stack:
        raise click.UsageError("--local and --stack are two targets: name one.")
    if port is not None and not is_local:
        raise click.UsageError("--port goes with --local.")
    if region and not stack:
        raise click.UsageError("--region goes with --stack.")


def running_stack(port: int | None) -> "RunningStack":
    """Return the local stack on a port, or the only one; raises click.ClickException."""
    from tavus_callbacks_cli.local_stack.registry import running_stacks

    stacks = running_stacks()
    ports = ", ".join(str(stack.port) for stack in stacks)
    if not stacks:
        raise click.ClickException("No local stack is running: start one with `tavus-callbacks local`.")
    if port is None and len(stacks) > 1:
        raise click.UsageError(f"Several local stacks are running, on ports {ports}: add --port N.")
    chosen = [stack for stack in stacks if port in (None, stack.port)]
    if not chosen:
        raise click.ClickException(f"No local stack is running on port {port}, but on: {ports}.")
    return chosen[0]


def api_url(text: str) -> str:
    """Check an API's URL before anything is sent to it; raises click.UsageError."""
    url = text.strip().rstrip("/")
    if find_tokens(url) or "?" in url:
        raise click.UsageError(
            f"{URL} holds a callback_url; it wants the API's own: what stands before /callbacks/."
        )
    if not is_sendable(url):
        raise click.UsageError(
            f"{URL} is no address to send a token to: write https://HOST, the stack's output ApiUrl."
        )
    return url


def is_sendable(url: str) -> bool:
    """Tell whether a secret may be sent to a URL: over https or to this machine, without a user in it."""
    try:
        parts = urlsplit(url)
        is_address = bool(parts.hostname and parts.port != 0 and not parts.username)
    except ValueError:
        return False
    return is_address and (parts.scheme == "https" or (parts.scheme == "http" and is_near(url)))


def is_near(url: str) -> bool:
    """Tell whether a URL leads to this machine itself."""
    return urlsplit(url).hostname in LOOPBACK
