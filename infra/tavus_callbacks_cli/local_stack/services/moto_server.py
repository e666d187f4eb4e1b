"""Moto's server in a process of its own, started by services/embedded.py.

Moto keeps its data in globals. In one process, two stacks, or a stack and tests with mocks, would see each
other's tables. The process reports every change to its parent on one line of stdout: an empty line for a
write, JSON for the event of an object.
"""

import json
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from tavus_callbacks_cli.local_stack.account import ACCOUNT, REGION
from tavus_callbacks_cli.local_stack.loopback import HOST
from tavus_callbacks_cli.local_stack.services.access_keys import OWN_PATHS, AccessKeys, require_key
from tavus_callbacks_cli.local_stack.services.cors import CorsRule, answer_preflights
from tavus_callbacks_cli.local_stack.services.denied_tables import deny_tables
from tavus_callbacks_cli.local_stack.services.dynamodb_lock import serialize_dynamodb
from tavus_callbacks_cli.local_stack.services.dynamodb_writes import report_writes
from tavus_callbacks_cli.local_stack.services.list_permissions import hide_missing_objects
from tavus_callbacks_cli.local_stack.services.object_events import ObjectFacts, announce_object_events

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

SECRET = "LOCAL_STACK_SECRET"  # noqa: S105 - the name of a variable
# Moto has paths of its own here; no bucket can have this name.
ITEMS_PATH, SETTINGS_PATH = OWN_PATHS
_READS = ("Get", "Query", "Scan", "BatchGet", "TransactGet", "Describe", "List", "Receive", "ChangeMessage")

Announce = Callable[[bytes], object]


def main() -> None:
    """Print the port, then serve until stdin ends."""
    from moto.moto_server.werkzeug_app import (
        DomainDispatcherApplication,
        MotoRequestHandler,
        create_backend_app,
    )
    from werkzeug.serving import make_server

    # Nothing that prints must look like a change.
    out, lock = os.dup(1), threading.Lock()
    os.dup2(2, 1)

    def announce(line: bytes) -> None:
        with lock:
            os.write(out, line + b"\n")

    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    moto: Any = DomainDispatcherApplication(create_backend_app)
    keys = AccessKeys(os.environ[SECRET])
    application: Any = require_key(_application(moto, announce, keys), keys)
    server = make_server(HOST, 0, application, threaded=True, request_handler=MotoRequestHandler)
    threading.Thread(target=server.serve_forever, name="moto", daemon=True).start()
    os.write(out, b"%d\n" % server.port)
    sys.stdin.buffer.read()


def _application(moto: Any, announce: Announce, keys: AccessKeys) -> "WSGIApplication":
    permissions: dict[str, list[str]] = {}
    announced_buckets: set[str] = set()
    denied_tables: dict[str, str] = {}

    def configure(settings: Any) -> None:
        permissions.update(settings.get("permissions", {}))
        announced_buckets.update(settings.get("announced_buckets", ()))
        if "denied_tables" in settings:
            denied_tables.clear()
            denied_tables.update(settings["denied_tables"])

    dynamodb = serialize_dynamodb(report_writes(moto, []))
    s3 = answer_preflights(dynamodb, _cors_rules)
    s3 = hide_missing_objects(s3, permissions)
    s3 = announce_object_events(s3, announce, announced_buckets, _find_object)
    allowed = deny_tables(_announce_writes(s3, announce), keys, denied_tables)
    return _answer_parent(allowed, configure)


def _announce_writes(application: "WSGIApplication", announce: Announce) -> "WSGIApplication":
    def announcing(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        response = application(environ, start_response)
        operation = str(environ.get("HTTP_X_AMZ_TARGET", "")).partition(".")[2]
        is_read = operation.startswith(_READS) if operation else environ["REQUEST_METHOD"] in ("GET", "HEAD")
        if not is_read:
            announce(b"")
        return response

    return announcing


def _answer_parent(application: "WSGIApplication", configure: Callable[[Any], None]) -> "WSGIApplication":
    """Answer the parent's own requests: all items, and the settings of S3 and of DynamoDB."""

    def answering(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path not in OWN_PATHS:
            return application(environ, start_response)
        if path == SETTINGS_PATH:
            configure(json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))))
        start_response("200 OK", [("content-type", "application/json")])
        return [_all_items() if path == ITEMS_PATH else b"{}"]

    return answering


def _all_items() -> bytes:
    """Return the items of every table as JSON.

    A scan through the API takes moto half a second a megabyte, and every other request waits for it.
    """
    from moto.dynamodb.models import dynamodb_backends
    from moto.dynamodb.models.utilities import dynamo_json_dump

    tables: dict[str, list[Any]] = {}
    for name, table in list(dynamodb_backends[ACCOUNT][REGION].tables.items()):
        items = list(table.items.values())
        if table.range_key_attr:
            items = [item for partition in items for item in list(partition.values())]
        tables[name] = [item.to_json()["Attributes"] for item in items]
    text: str = dynamo_json_dump(tables)
    return text.encode()


def _find_object(bucket: str, key: str) -> ObjectFacts | None:
    from moto.s3.models import s3_backends

    stored = s3_backends[ACCOUNT]["aws"].get_bucket(bucket).keys.get(key)
    if stored is None:
        return None
    # A delete marker has neither size nor etag.
    etag, size = getattr(stored, "etag", ""), getattr(stored, "size", 0)
    return ObjectFacts(int(size), str(etag).strip('"'), stored.version_id)


def _cors_rules(bucket: str) -> list[CorsRule]:
    from moto.s3.models import s3_backends

    rules = s3_backends[ACCOUNT]["aws"].get_bucket(bucket).cors
    return [
        CorsRule(
            _texts(rule.allowed_origins),
            _texts(rule.allowed_methods),
            _texts(rule.allowed_headers),
            _texts(rule.exposed_headers),
            rule.max_age_seconds,
        )
        for rule in rules
    ]


def _texts(value: Any) -> list[str]:
    # Moto stores a list of one as its member.
    return [value] if isinstance(value, str) else list(value or ())


if __name__ == "__main__":
    main()
