"""The embedded AWS services as the stack sees them: moto's server in a child process, on loopback."""

import contextlib
import io
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from tavus_callbacks_cli.local_stack.account import ACCOUNT, isolated_session
from tavus_callbacks_cli.local_stack.child_process import inherited_environment, start_child
from tavus_callbacks_cli.local_stack.loopback import HOST
from tavus_callbacks_cli.local_stack.services import moto_server
from tavus_callbacks_cli.local_stack.services.access_keys import PERSON, AccessKeys, authorization
from tavus_callbacks_cli.local_stack.services.deploy import Clients
from tavus_callbacks_cli.output.shell import argument

if TYPE_CHECKING:
    from subprocess import Popen

    from boto3 import Session
    from mypy_boto3_dynamodb.service_resource import Table
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient
    from mypy_boto3_sqs import SQSClient

    from tavus_callbacks_cli.local_stack.services.list_permissions import ListPermissions

# Gets the event of an object; None for other changes.
Watch = Callable[[dict[str, Any] | None], object]


@dataclass(frozen=True)
class Backlog:
    """Stream records by mapping, and events of objects, that an earlier run did not deliver."""

    records: dict[str, list[Any]] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class EmbeddedServices:
    """The running services; `ended` is set when their process ends."""

    endpoint_url: str
    keys: AccessKeys
    watchers: list[tuple[str, Watch]] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def session(self) -> "Session":
        """Create a boto3 session with the person's access key."""
        return isolated_session(self.keys.key_id(PERSON))

    def clients(self) -> Clients:
        """Create boto3 clients for the services."""
        session = self.session()
        return Clients(
            session.client("dynamodb", endpoint_url=self.endpoint_url),
            session.client("s3", endpoint_url=self.endpoint_url),
            session.client("secretsmanager", endpoint_url=self.endpoint_url),
            self.sqs(),
            session.client("events", endpoint_url=self.endpoint_url),
        )

    def sqs(self) -> "SQSClient":
        """Create a boto3 client for the queues."""
        return self.session().client("sqs", endpoint_url=self.endpoint_url)

    def streams(self) -> "DynamoDBStreamsClient":
        """Create a boto3 client for the streams of the tables."""
        return self.session().client("dynamodbstreams", endpoint_url=self.endpoint_url)

    def table(self, name: str) -> "Table":
        """Return a table as boto3 resource."""
        return self.session().resource("dynamodb", endpoint_url=self.endpoint_url).Table(name)

    @contextlib.contextmanager
    def watch(self, kind: str, watcher: Watch) -> Iterator[None]:
        """Call `watcher` after each change of a kind that moto_server.py announces, until the block ends."""
        entry = (kind, watcher)
        self.watchers.append(entry)
        try:
            yield
        finally:
            self.watchers.remove(entry)

    def open_journal(
        self, folder: Path, filters: list[dict[str, Any]], secrets: list[str]
    ) -> tuple[Backlog, str | None]:
        """Restore a folder's data, and write every change to it from now on.

        `filters` are the members of recorder.RecordFilter. The text is a note if some data do not fit.
        Raises click.ClickException if the folder cannot be used now, for example on a full disk.
        """
        request = {"folder": str(folder.resolve()), "filters": filters, "secrets": secrets}
        answer = self._exchange(moto_server.JOURNAL_PATH, request)
        if error := answer.get("error"):
            raise click.ClickException(f"The data in {argument(str(folder))} cannot be opened: {error}")
        return Backlog(answer["records"], answer["events"]), answer["note"]

    def confirm_records(self, mapping_id: str, sequence_number: str) -> None:
        """Do not deliver the records of a mapping up to this one again after a restart."""
        self._exchange(moto_server.CONFIRMED_PATH, {"mapping": mapping_id, "sequence": sequence_number})

    def confirm_event(self, event_id: str) -> None:
        """Do not deliver an event of an object again after a restart."""
        self._exchange(moto_server.CONFIRMED_PATH, {"event": event_id})

    def configure(self, permissions: "ListPermissions", announced_buckets: list[str]) -> None:
        """Start to refuse listings without permission, and to announce the objects of the buckets."""
        self._configure({"permissions": permissions, "announced_buckets": announced_buckets})

    @contextlib.contextmanager
    def deny_table(self, table: str, functions: list[str]) -> Iterator[None]:
        """Refuse a table to functions, by their logical ids, until the block ends."""
        self._configure({"denied_tables": dict.fromkeys(functions, table)})
        try:
            yield
        finally:
            self._configure({"denied_tables": {}})

    def _configure(self, settings: dict[str, Any]) -> None:
        self._exchange(moto_server.SETTINGS_PATH, settings)

    def _exchange(self, path: str, content: Any) -> Any:
        with closing(HTTPConnection(self.endpoint_url.removeprefix("http://"))) as connection:
            headers = {"Authorization": authorization(self.keys.key_id(PERSON), "moto")}
            connection.request("PUT", path, json.dumps(content), headers)
            answer = connection.getresponse()
            body = answer.read()
        if answer.status != HTTPStatus.OK:
            raise ConnectionError(f"the embedded services do not answer {path}: {answer.status}")
        return json.loads(body)


def launch_services(log: Path, keys: AccessKeys) -> "Popen[bytes]":
    """Start the process without waiting for it: its imports take most of a start."""
    environment = {**inherited_environment(), "MOTO_ACCOUNT_ID": ACCOUNT, moto_server.SECRET: keys.secret}
    with log.open("wb") as file:
        return start_child(moto_server.__name__, env=environment, log=file)


def await_services(process: "Popen[bytes]", log: Path, keys: AccessKeys) -> EmbeddedServices:
    """Wait until the services answer; raises click.ClickException if they do not start."""
    # From here on only the watching thread reads and closes stdout.
    stdout, process.stdout = process.stdout, None
    port = stdout.readline() if stdout else b""
    if not stdout or not port:
        raise click.ClickException(
            f"The services that stand in for AWS did not start. See {argument(str(log))}."
        )
    services = EmbeddedServices(f"http://{HOST}:{int(port)}", keys)
    threading.Thread(target=_read_changes, args=(stdout, services), name="changes", daemon=True).start()
    return services


def _read_changes(stdout: IO[bytes], services: EmbeddedServices) -> None:
    with io.BufferedReader(stdout) as lines:  # type: ignore[type-var] # unbuffered, it is a FileIO
        for line in lines:
            kind, _, event = line.decode().strip().partition(" ")
            for watched, watcher in list(services.watchers):
                if watched == kind:
                    watcher(json.loads(event) if event else None)
    services.ended.set()
