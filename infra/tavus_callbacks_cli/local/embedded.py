"""The embedded services: moto's server in a process of its own, on loopback.

A process of its own because moto's data are global to one: two stacks, or a stack beside tests with
mocks, would otherwise see each other's tables. It tells its parent of every change by one byte.
"""

import logging
import os
import sys
import threading
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from tavus_callbacks_cli.local.child import inherited_environment, start_child
from tavus_callbacks_cli.local.deploy import Clients
from tavus_callbacks_cli.local.intrinsics import ACCOUNT, REGION
from tavus_callbacks_cli.local.session import isolated_session

if TYPE_CHECKING:
    from subprocess import Popen
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from mypy_boto3_dynamodb.service_resource import Table

HOST = "127.0.0.1"
# Where moto has addresses of its own; no bucket can be called so.
_ITEMS_PATH = "/moto-api/items"
_READING = ("Get", "Query", "Scan", "BatchGet", "TransactGet", "Describe", "List")


@dataclass(frozen=True)
class Embedded:
    """The running services; `changed` is set whenever something was written."""

    endpoint_url: str
    changed: threading.Event

    def clients(self) -> Clients:
        """Make boto3 clients for the services."""
        session = isolated_session()
        return Clients(
            session.client("dynamodb", endpoint_url=self.endpoint_url),
            session.client("s3", endpoint_url=self.endpoint_url),
            self._items,
        )

    def _items(self) -> bytes:
        with closing(HTTPConnection(self.endpoint_url.removeprefix("http://"))) as connection:
            connection.request("GET", _ITEMS_PATH)
            answer = connection.getresponse()
            content = answer.read()
        if answer.status != HTTPStatus.OK:
            raise ConnectionError(f"the embedded services gave no items: {answer.status}")
        return content

    def table(self, name: str) -> "Table":
        """Return a table as boto3 resource."""
        return isolated_session().resource("dynamodb", endpoint_url=self.endpoint_url).Table(name)


def launch_embedded(log: Path) -> "Popen[bytes]":
    """Start the process, without waiting for it: its imports take most of a start."""
    environment = {**inherited_environment(), "MOTO_ACCOUNT_ID": ACCOUNT}
    with log.open("wb") as file:
        return start_child(__name__, env=environment, log=file)


def await_embedded(process: "Popen[bytes]", log: Path) -> Embedded:
    """Wait until the services answer."""
    # The watcher alone reads and closes it from here on.
    stdout, process.stdout = process.stdout, None
    port = stdout.readline() if stdout else b""
    if not stdout or not port:
        raise click.ClickException(f"the embedded services did not start; see {log}")
    changed = threading.Event()
    watcher = threading.Thread(target=_watch, args=(stdout, changed), name="changes", daemon=True)
    watcher.start()
    return Embedded(f"http://{HOST}:{int(port)}", changed)


def _watch(stdout: IO[bytes], changed: threading.Event) -> None:
    with stdout:
        while stdout.read(4096):
            changed.set()


def _is_reading(environ: "WSGIEnvironment") -> bool:
    operation = str(environ.get("HTTP_X_AMZ_TARGET", "")).partition(".")[2]
    if operation:
        return operation.startswith(_READING)
    return environ["REQUEST_METHOD"] in ("GET", "HEAD")


def _announcing(application: "WSGIApplication", announce: Callable[[], object]) -> "WSGIApplication":
    def announced(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        answer = application(environ, start_response)
        if not _is_reading(environ):
            announce()
        return answer

    return announced


def _dumping(application: "WSGIApplication") -> "WSGIApplication":
    # A scan through the API takes moto half a second a megabyte, and every other request waits for it.
    def dumped(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if environ["PATH_INFO"] != _ITEMS_PATH:
            return application(environ, start_response)
        start_response("200 OK", [("content-type", "application/json")])
        return [_items()]

    return dumped


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
    application: Any = _dumping(_announcing(moto, lambda: os.write(out, b".")))
    server = make_server(HOST, 0, application, threaded=True, request_handler=MotoRequestHandler)
    threading.Thread(target=server.serve_forever, name="moto", daemon=True).start()
    os.write(out, b"%d\n" % server.port)
    sys.stdin.buffer.read()


def _take_stdout() -> int:
    # Whatever prints must not look like a change.
    out = os.dup(1)
    os.dup2(2, 1)
    return out


if __name__ == "__main__":
    _serve()
