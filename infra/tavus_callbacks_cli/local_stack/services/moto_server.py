"""The embedded services: moto's server in a process of its own, on loopback.

A process of its own because moto's data are global to one: two stacks, or a stack beside tests with
mocks, would otherwise see each other's tables. It tells its parent of every change by one line: an empty
one for a write, JSON for the event of an object.
"""

import contextlib
import io
import json
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from tavus_callbacks_cli.local_stack.account import ACCOUNT, REGION, isolated_session
from tavus_callbacks_cli.local_stack.child_process import inherited_environment, start_child
from tavus_callbacks_cli.local_stack.loopback import HOST
from tavus_callbacks_cli.local_stack.services.access import Listings, guarding
from tavus_callbacks_cli.local_stack.services.access_keys import (
    OWN_PATHS,
    PERSON,
    Keys,
    authorization,
    require_key,
)
from tavus_callbacks_cli.local_stack.services.atomic import atomic
from tavus_callbacks_cli.local_stack.services.cors import Rule, preflights
from tavus_callbacks_cli.local_stack.services.deploy import Clients
from tavus_callbacks_cli.local_stack.services.object_events import Found, telling
from tavus_callbacks_cli.output.shell import argument

if TYPE_CHECKING:
    from subprocess import Popen
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from boto3 import Session
    from mypy_boto3_dynamodb.service_resource import Table
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient
    from mypy_boto3_sqs import SQSClient

# Where moto has addresses of its own; no bucket can be called so.
_ITEMS_PATH, _CONDUCT_PATH = OWN_PATHS
_SECRET = "LOCAL_STACK_SECRET"  # noqa: S105 - the name of a variable
_READING = ("Get", "Query", "Scan", "BatchGet", "TransactGet", "Describe", "List", "Receive", "ChangeMessage")


Watch = Callable[[dict[str, Any] | None], object]


@dataclass(frozen=True)
class Embedded:
    """The running services; `changed` is set whenever something was written."""

    endpoint_url: str
    changed: threading.Event
    keys: Keys
    watchers: list[Watch] = field(default_factory=list)

    def session(self) -> "Session":
        """Make a boto3 session with the person's access key."""
        return isolated_session(self.keys.key_id(PERSON))

    def clients(self) -> Clients:
        """Make boto3 clients for the services."""
        session = self.session()
        return Clients(
            session.client("dynamodb", endpoint_url=self.endpoint_url),
            session.client("s3", endpoint_url=self.endpoint_url),
            session.client("secretsmanager", endpoint_url=self.endpoint_url),
            self.sqs(),
            session.client("events", endpoint_url=self.endpoint_url),
            self._items,
        )

    def sqs(self) -> "SQSClient":
        """Make a boto3 client for the queues."""
        return self.session().client("sqs", endpoint_url=self.endpoint_url)

    def streams(self) -> "DynamoDBStreamsClient":
        """Make a boto3 client for the streams of the tables."""
        return self.session().client("dynamodbstreams", endpoint_url=self.endpoint_url)

    @contextlib.contextmanager
    def listening(self, watch: Watch) -> Iterator[None]:
        """Call `watch` with each event of an object, and with None after each write, until the block ends."""
        self.watchers.append(watch)
        try:
            yield
        finally:
            self.watchers.remove(watch)

    def conduct(self, listings: Listings, watched: list[str]) -> None:
        """From now on refuse what `listings` does not allow, and tell of the objects of `watched` buckets."""
        self._exchange("PUT", _CONDUCT_PATH, json.dumps({"listings": listings, "watched": watched}))

    def _items(self) -> bytes:
        return self._exchange("GET", _ITEMS_PATH)

    def _exchange(self, method: str, path: str, body: str | None = None) -> bytes:
        with closing(HTTPConnection(self.endpoint_url.removeprefix("http://"))) as connection:
            headers = {"Authorization": authorization(self.keys.key_id(PERSON), "moto")}
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
        if answer.status != HTTPStatus.OK:
            raise ConnectionError(f"the embedded services do not answer {path}: {answer.status}")
        return content

    def table(self, name: str) -> "Table":
        """Return a table as boto3 resource."""
        return self.session().resource("dynamodb", endpoint_url=self.endpoint_url).Table(name)


def launch_embedded(log: Path, keys: Keys) -> "Popen[bytes]":
    """Start the process, without waiting for it: its imports take most of a start."""
    environment = {**inherited_environment(), "MOTO_ACCOUNT_ID": ACCOUNT, _SECRET: keys.secret}
    with log.open("wb") as file:
        return start_child(__name__, env=environment, log=file)


def await_embedded(process: "Popen[bytes]", log: Path, keys: Keys) -> Embedded:
    """Wait until the services answer."""
    # The watcher alone reads and closes it from here on.
    stdout, process.stdout = process.stdout, None
    port = stdout.readline() if stdout else b""
    if not stdout or not port:
        raise click.ClickException(f"the embedded services did not start; see {argument(str(log))}")
    embedded = Embedded(f"http://{HOST}:{int(port)}", threading.Event(), keys)
    watcher = threading.Thread(target=_watch, args=(stdout, embedded), name="changes", daemon=True)
    watcher.start()
    return embedded


def _watch(stdout: IO[bytes], embedded: Embedded) -> None:
    with io.BufferedReader(stdout) as lines:  # type: ignore[type-var] # unbuffered, it is a FileIO
        for line in lines:
            event = json.loads(line) if line.strip() else None
            embedded.changed.set()
            for watch in list(embedded.watchers):
                watch(event)


def _is_reading(environ: "WSGIEnvironment") -> bool:
    operation = str(environ.get("HTTP_X_AMZ_TARGET", "")).partition(".")[2]
    if operation:
        return operation.startswith(_READING)
    return environ["REQUEST_METHOD"] in ("GET", "HEAD")


def _announcing(application: "WSGIApplication", tell: Callable[[bytes], object]) -> "WSGIApplication":
    def announced(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        answer = application(environ, start_response)
        if not _is_reading(environ):
            tell(b"")
        return answer

    return announced


def _steered(application: "WSGIApplication", conduct: Callable[[Any], None]) -> "WSGIApplication":
    """Answer the parent's own requests: all items, and how S3 is to behave."""

    def steered(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path not in (_ITEMS_PATH, _CONDUCT_PATH):
            return application(environ, start_response)
        if path == _CONDUCT_PATH:
            conduct(json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))))
        start_response("200 OK", [("content-type", "application/json")])
        # A scan through the API takes moto half a second a megabyte, and every other request waits for it.
        return [_items() if path == _ITEMS_PATH else b"{}"]

    return steered


def _items() -> bytes:
    from moto.dynamodb.models import dynamodb_backends
    from moto.dynamodb.models.utilities import dynamo_json_dump

    tables = dynamodb_backends[ACCOUNT][REGION].tables
    items = {
        name: [item.to_json()["Attributes"] for item in _items_of(tables[name])] for name in list(tables)
    }
    text: str = dynamo_json_dump(items)
    return text.encode()


def _items_of(table: Any) -> list[Any]:
    partitions = list(table.items.values())
    if not table.range_key_attr:
        return partitions
    return [item for partition in partitions for item in list(partition.values())]


def _serve() -> None:
    from moto.moto_server.werkzeug_app import (
        DomainDispatcherApplication,
        MotoRequestHandler,
        create_backend_app,
    )
    from werkzeug.serving import make_server

    out = _take_stdout()
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    moto: Any = DomainDispatcherApplication(create_backend_app)
    application: Any = require_key(_application(moto, _teller(out)), Keys(os.environ[_SECRET]))
    server = make_server(HOST, 0, application, threaded=True, request_handler=MotoRequestHandler)
    threading.Thread(target=server.serve_forever, name="moto", daemon=True).start()
    os.write(out, b"%d\n" % server.port)
    sys.stdin.buffer.read()


def _application(moto: Any, tell: Callable[[bytes], object]) -> "WSGIApplication":
    listings: dict[str, list[str]] = {}
    watched: set[str] = set()

    def conduct(told: Any) -> None:
        listings.update(told["listings"])
        watched.update(told["watched"])

    s3 = telling(guarding(preflights(atomic(moto), _cors_rules), listings), tell, watched, _look)
    return _steered(_announcing(s3, tell), conduct)


def _look(bucket: str, key: str) -> Found | None:
    from moto.s3.models import s3_backends

    found = s3_backends[ACCOUNT]["aws"].get_bucket(bucket).keys.get(key)
    if found is None:
        return None
    # A delete marker has neither size nor etag.
    etag, size = getattr(found, "etag", ""), getattr(found, "size", 0)
    return Found(int(size), str(etag).strip('"'), found.version_id)


def _cors_rules(bucket: str) -> list[Rule]:
    from moto.s3.models import s3_backends

    rules = s3_backends[ACCOUNT]["aws"].get_bucket(bucket).cors
    return [
        Rule(
            _texts(rule.allowed_origins),
            _texts(rule.allowed_methods),
            _texts(rule.allowed_headers),
            _texts(rule.exposed_headers),
            rule.max_age_seconds,
        )
        for rule in rules
    ]


def _texts(value: Any) -> list[str]:
    # Moto keeps a list of one as its member.
    return [value] if isinstance(value, str) else list(value or ())


def _teller(out: int) -> Callable[[bytes], None]:
    lock = threading.Lock()

    def tell(line: bytes) -> None:
        with lock:
            os.write(out, line + b"\n")

    return tell


def _take_stdout() -> int:
    # Whatever prints must not look like a change.
    out = os.dup(1)
    os.dup2(2, 1)
    return out


if __name__ == "__main__":
    _serve()
