"""A stack as its operator sees it: its outputs, what it is made of, and AWS clients for it."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tavus_callbacks_cli.output import shell
from tavus_callbacks_cli.targets.choose import LocalTarget, StackTarget, Target

if TYPE_CHECKING:
    from collections.abc import Callable

    from boto3 import Session

    from tavus_callbacks_cli.local_stack.registry import RunningStack

# What Tavus documents; the same for all of its customers.
DOCUMENTED_EXTERNAL_ID = "tavus"


@dataclass(frozen=True, slots=True)
class Deployment:
    """A stack on AWS, or on this machine.

    `endpoint_url` is where all its services answer, None on AWS. `resources` gives the physical ids by type
    and logical id, `environment` the variables of a function by its logical id; both only where AWS keeps
    them. `parameters` are what it was deployed with, of a local stack those given. `callback_url` is
    that of a local stack, `options` name the stack to a command. `state_folder` holds a local
    stack's snapshots.
    """

    session: "Session"
    outputs: Mapping[str, str]
    options: tuple[str, ...]
    endpoint_url: str | None = None
    callback_url: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    resources: "Callable[[], Mapping[tuple[str, str], str]]" = field(default=dict)
    environment: "Callable[[str], Mapping[str, str]]" = field(default=lambda _: {})
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

    def command(self, words: str, *ids: str, options: Iterable[str] = ()) -> str:
        """Return a command of ours that works on this stack, to be pasted into a shell."""
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


def open_deployment(target: Target) -> Deployment:
    """Look at a target's stack; raises click.UsageError where the target gives no access to it."""
    if isinstance(target, LocalTarget):
        return _local(target.stack, target.options)
    if isinstance(target, StackTarget):
        return _deployed(target.session, target.stack, target.options)
    raise click.UsageError(
        "A stack's outputs are read with AWS credentials, never through a URL: use --stack NAME or --local."
    )


def _local(stack: "RunningStack", options: tuple[str, ...]) -> Deployment:
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


def _deployed(session: "Session", stack: str, options: tuple[str, ...]) -> Deployment:
    from tavus_callbacks_cli.targets.stack_outputs import described, environment, outputs_in, parameters_in

    found = described(session, stack)
    return Deployment(
        session,
        outputs_in(found),
        options,
        parameters=parameters_in(found),
        resources=cache(lambda: _resources(session, stack)),
        environment=cache(lambda function: environment(session, stack, function)),
    )


def _resources(session: "Session", stack: str) -> dict[tuple[str, str], str]:
    pages = session.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
    return {
        (each["ResourceType"], each["LogicalResourceId"]): each.get("PhysicalResourceId", "")
        for page in pages
        for each in page["StackResourceSummaries"]
    }


def event_retention(target: Target) -> timedelta | None:
    """Return how long the stack keeps events: what a command files is no exception."""
    days = open_deployment(target).environment("ReceiveFunction").get("EVENT_RETENTION_DAYS", "0")
    return timedelta(days=int(days)) if int(days) else None


def recording_properties(outputs: Mapping[str, str], *, older: bool) -> dict[str, Any]:
    """Return the `properties` of a conversation that is recorded into this stack; {} with Recordings=off.

    The members of `recording_storage` stand side by side, also where the stack's output nests them.
    """
    text = outputs.get("RecordingProperties" if older else "RecordingStorage")
    properties: dict[str, Any] = json.loads(text) if text else {}
    storage = properties.get("recording_storage", {})
    if "s3" in storage:
        properties["recording_storage"] = {"provider": storage["provider"], **storage["s3"]}
    return properties


def nests_storage(outputs: Mapping[str, str]) -> bool:
    """Tell whether the output RecordingStorage has the nested `s3` of earlier templates.

    Tavus documents the flat form only (docs.tavus.io, Conversation Recordings, June 2026).
    """
    storage = json.loads(outputs.get("RecordingStorage", "{}")).get("recording_storage", {})
    return "s3" in storage


def external_id(outputs: Mapping[str, str]) -> str | None:
    """Return the external id with which the recording role is assumed."""
    storage = recording_properties(outputs, older=False).get("recording_storage", {})
    external: str | None = storage.get("external_id")
    return external
