"""A stack for its operator: its outputs, its resources, and AWS clients for it."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tavus_callbacks_cli.output import shell
from tavus_callbacks_cli.output.console import note_if_slow
from tavus_callbacks_cli.targets.aws_errors import aws_errors, error_code, setup_errors
from tavus_callbacks_cli.targets.store import Store, Tables, open_store, open_tables

if TYPE_CHECKING:
    from boto3 import Session
    from mypy_boto3_cloudformation.type_defs import StackTypeDef

    from tavus_callbacks_cli.local_stack.registry import RunningStack

# Tavus documents this one for all of its customers.
DOCUMENTED_EXTERNAL_ID = "tavus"


@dataclass(frozen=True)
class Deployment:
    """A stack on AWS, or on this machine.

    `endpoint_url` is the address of a local stack's services, None on AWS. `resources` gives the physical
    ids by type and logical id, `environment` the variables of a function by its logical id; both only on AWS.
    `parameters` are those of the deployment; of a local stack, those given. `callback_url` and
    `state_folder`, which holds its data, are a local stack's. `options` name the stack to a command.
    """

    session: "Session"
    outputs: Mapping[str, str]
    options: tuple[str, ...]
    endpoint_url: str | None = None
    callback_url: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    resources: Callable[[], Mapping[tuple[str, str], str]] = field(default=dict)
    environment: Callable[[str], Mapping[str, str]] = field(default=lambda _: {})
    state_folder: Path | None = None
    _clients: dict[str, Any] = field(default_factory=dict)

    @property
    def is_local(self) -> bool:
        """Tell whether it runs on this machine."""
        return self.endpoint_url is not None

    @property
    def has_recordings(self) -> bool:
        """Tell whether it was deployed with Recordings=on."""
        return "RecordingsBucketName" in self.outputs

    @property
    def event_retention(self) -> timedelta | None:
        """Return how long the stack keeps events, None for ever."""
        days = int(self.environment("ReceiveFunction").get("EVENT_RETENTION_DAYS", "0"))
        return timedelta(days=days) if days else None

    @property
    def external_id(self) -> str | None:
        """Return the external id with which the recording role is assumed."""
        storage = self.recording_properties(older=False).get("recording_storage", {})
        external_id: str | None = storage.get("external_id")
        return external_id

    @property
    def nests_storage(self) -> bool:
        """Tell whether the output RecordingStorage has the nested `s3` of earlier templates.

        Tavus documents the flat form only (docs.tavus.io, Conversation Recordings, June 2026).
        """
        return "s3" in json.loads(self.outputs.get("RecordingStorage", "{}")).get("recording_storage", {})

    @cached_property
    def store(self) -> Store:
        """Open the tables and bodies; raises click.ClickException if an output is missing."""
        return open_store(self.session, self.outputs, self.endpoint_url)

    @cached_property
    def tables(self) -> Tables:
        """Open the tables for managing tokens; raises click.ClickException if an output is missing."""
        with aws_errors():
            return open_tables(self.session, self.outputs, self.endpoint_url)

    def recording_properties(self, *, older: bool) -> dict[str, Any]:
        """Return the `properties` of a conversation that is recorded into this stack; {} with Recordings=off.

        The members of `recording_storage` are flat, even if the stack's output nests them.
        """
        text = self.outputs.get("RecordingProperties" if older else "RecordingStorage")
        properties: dict[str, Any] = json.loads(text) if text else {}
        storage = properties.get("recording_storage", {})
        if "s3" in storage:
            properties["recording_storage"] = {"provider": storage["provider"], **storage["s3"]}
        return properties

    def command(self, words: str, *ids: str, options: Iterable[str] = ()) -> str:
        """Return a command of ours that works on this stack, to paste into a shell."""
        return shell.command(words, *ids, options=(*options, *self.options))

    def client(self, service: str) -> Any:
        """Return a client of an AWS service."""
        if service not in self._clients:
            make: Any = self.session.client
            self._clients[service] = make(service, endpoint_url=self.endpoint_url)
        return self._clients[service]

    def physical(self, resource_type: str) -> dict[str, str]:
        """Return the physical ids of all resources of one type by their logical ids."""
        return {name: id_ for (kind, name), id_ in self.resources().items() if kind == resource_type}

    def old_snapshots(self) -> list[Path]:
        """Return the data of a local stack that an earlier start put aside; none on AWS."""
        from tavus_callbacks_cli.local_stack.state import State

        return State(self.state_folder).old_data if self.state_folder else []

    def rewrite_journal(self, seconds: float) -> bool:
        """Remove the last bytes of removed data from a local stack's file; False if that takes too long."""
        from tavus_callbacks_cli.local_stack.services.journal import rewrite
        from tavus_callbacks_cli.local_stack.state import State

        return self.state_folder is None or rewrite(State(self.state_folder).data, seconds)


def local_deployment(stack: "RunningStack", options: tuple[str, ...]) -> Deployment:
    """Return a stack that runs on this machine."""
    from tavus_callbacks_cli.local_stack.account import isolated_session
    from tavus_callbacks_cli.local_stack.state import state_root

    # A stack that an earlier version started does not name its folder.
    folder = Path(stack.state_folder) if stack.state_folder else state_root() / str(stack.port)
    return Deployment(
        isolated_session(stack.aws_access_key_id),
        stack.outputs,
        options,
        stack.endpoint_url,
        stack.callback_url,
        stack.parameters,
        state_folder=folder,
    )


def aws_deployment(session: "Session", stack: str, options: tuple[str, ...]) -> Deployment:
    """Return a deployed stack; raises click.ClickException."""

    def resources() -> dict[tuple[str, str], str]:
        paginator = session.client("cloudformation").get_paginator("list_stack_resources")
        return {
            (each["ResourceType"], each["LogicalResourceId"]): each.get("PhysicalResourceId", "")
            for page in paginator.paginate(StackName=stack)
            for each in page["StackResourceSummaries"]
        }

    description = describe_stack(session, stack)
    outputs, parameters = description.get("Outputs", []), description.get("Parameters", [])
    return Deployment(
        session,
        {output["OutputKey"]: output["OutputValue"] for output in outputs},
        options,
        parameters={each["ParameterKey"]: each["ParameterValue"] for each in parameters},
        resources=cache(resources),
        environment=cache(lambda function: function_environment(session, stack, function)),
    )


def open_session(region: str | None) -> "Session":
    """Return a session with boto3's usual chain of credentials; raises click.ClickException."""
    import boto3

    with aws_errors(), setup_errors():
        return boto3.Session(region_name=region)


def describe_stack(session: "Session", stack: str) -> "StackTypeDef":
    """Return CloudFormation's description of a stack; raises click.ClickException."""
    slow = note_if_slow("Waiting for AWS to answer …")
    with slow, aws_errors(), setup_errors(), _missing_stack(session, stack):
        return session.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]


def function_environment(session: "Session", stack: str, function: str) -> dict[str, str]:
    """Return the environment variables of a stack's function, by its logical id."""
    with aws_errors(), setup_errors(), _missing_stack(session, stack):
        resource = session.client("cloudformation").describe_stack_resource(
            StackName=stack, LogicalResourceId=function
        )
        name = resource["StackResourceDetail"]["PhysicalResourceId"]
        config = session.client("lambda").get_function_configuration(FunctionName=name)
    return config["Environment"]["Variables"]


@contextmanager
def _missing_stack(session: "Session", stack: str) -> Iterator[None]:
    from botocore.exceptions import ClientError

    try:
        yield
    except ClientError as error:
        # CloudFormation has no code of its own for a stack that does not exist.
        if error_code(error) != "ValidationError":
            raise
        raise click.ClickException(
            f"There is no tavus-callbacks stack {shell.quote(stack)} in {session.region_name}. "
            "`aws cloudformation list-stacks` lists the stacks there. --region chooses another region."
        ) from error
