"""Moto's server in a process of its own, started by services/embedded.py.

Moto keeps its data in globals. In one process, two stacks, or a stack and tests with mocks, would see each
other's tables. The process reports every change to its parent on one line of stdout: the kind of the change,
and after a space the event of an object as JSON. Once the parent has named a folder, changes are also in its
journal.
"""

import json
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from tavus_callbacks_cli.local_stack.account import ACCOUNT
from tavus_callbacks_cli.local_stack.loopback import HOST
from tavus_callbacks_cli.local_stack.services.access_keys import OWN_PATHS, AccessKeys, require_key
from tavus_callbacks_cli.local_stack.services.cors import CorsRule, answer_preflights
from tavus_callbacks_cli.local_stack.services.denied_tables import deny_tables
from tavus_callbacks_cli.local_stack.services.dynamodb_lock import serialize_dynamodb
from tavus_callbacks_cli.local_stack.services.dynamodb_queries import update_sorted_keys
from tavus_callbacks_cli.local_stack.services.dynamodb_writes import Write, report_writes
from tavus_callbacks_cli.local_stack.services.list_permissions import hide_missing_objects
from tavus_callbacks_cli.local_stack.services.object_events import (
    Change,
    ObjectFacts,
    object_event,
    report_object_changes,
)
from tavus_callbacks_cli.local_stack.services.persistence import Persistence
from tavus_callbacks_cli.local_stack.services.wsgi import call_application

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

SECRET = "LOCAL_STACK_SECRET"  # noqa: S105 - the name of a variable
# Moto has paths of its own here; no bucket can have this name.
JOURNAL_PATH, CONFIRMED_PATH, SETTINGS_PATH = OWN_PATHS
# The kinds of changes that are announced. The id of an event source mapping is one, too: it has new records.
QUEUES, OBJECTS = "queues", "objects"
_READS = ("Get", "BatchGet", "Describe", "List")


# Takes the kind of a change, and the event of an object as JSON.
Announce = Callable[..., object]
# An own path's answer to the JSON that the parent sends.
AnswerParent = Callable[[Any], Any]


def main() -> None:
    """Print the port, then serve until stdin ends."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    from tavus_callbacks_cli.local_stack.services.faster_moto import make_moto_faster
    from tavus_callbacks_cli.local_stack.services.http_server import KeepAliveHandler

    # Nothing that prints must look like a change.
    out, lock = os.dup(1), threading.Lock()
    os.dup2(2, 1)

    def announce(kind: str, event: str = "") -> None:
        with lock:
            os.write(out, f"{kind} {event}\n".encode())

    _announce_messages(announce)
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    make_moto_faster()
    moto: Any = DomainDispatcherApplication(create_backend_app)
    keys = AccessKeys(os.environ[SECRET])
    persistence = Persistence(update_sorted_keys)
    application: Any = require_key(_application(moto, announce, keys, persistence), keys)
    server = make_server(HOST, 0, application, threaded=True, request_handler=KeepAliveHandler)
    threading.Thread(target=server.serve_forever, name="moto", daemon=True).start()
    os.write(out, b"%d\n" % server.port)
    sys.stdin.buffer.read()
    persistence.close()


def _application(
    moto: Any, announce: Announce, keys: AccessKeys, persistence: Persistence
) -> "WSGIApplication":
    permissions: dict[str, list[str]] = {}
    announced_buckets: set[str] = set()
    denied_tables: dict[str, str] = {}

    def configure(settings: Any) -> None:
        permissions.update(settings.get("permissions", {}))
        announced_buckets.update(settings.get("announced_buckets", ()))
        if "denied_tables" in settings:
            denied_tables.clear()
            denied_tables.update(settings["denied_tables"])

    def report_objects(changes: list[Change]) -> None:
        announced = [each for each in changes if each.bucket in announced_buckets]
        events = [object_event(each, _find_object(each.bucket, each.key)) for each in announced]
        persistence.record_objects(changes, events)
        for event in events:
            announce(OBJECTS, json.dumps(event))

    def record_items(writes: list[Write]) -> None:
        for mapping_id in persistence.record_items(writes):
            announce(mapping_id)

    dynamodb = serialize_dynamodb(report_writes(moto, [update_sorted_keys, record_items]))
    s3 = answer_preflights(dynamodb, _cors_rules)
    s3 = hide_missing_objects(s3, permissions)
    s3 = report_object_changes(s3, report_objects)
    recorded = _record_secrets(s3, persistence)
    allowed = deny_tables(recorded, keys, denied_tables)
    answers = {JOURNAL_PATH: persistence.open, CONFIRMED_PATH: persistence.confirm, SETTINGS_PATH: configure}
    return _answer_parent(allowed, answers)


def _record_secrets(application: "WSGIApplication", persistence: Persistence) -> "WSGIApplication":
    def recording(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        service, _, operation = str(environ.get("HTTP_X_AMZ_TARGET", "")).partition(".")
        if service != "secretsmanager" or operation.startswith(_READS):
            return application(environ, start_response)
        response = call_application(application, environ)
        persistence.record_secrets()
        return response.send(start_response)

    return recording


def _announce_messages(announce: Announce) -> None:
    """Announce each new message of a queue, also those that come from the bus."""
    from moto.sqs.models import Queue

    add = Queue.add_message

    def add_message(queue: Any, message: Any) -> None:
        add(queue, message)
        announce(QUEUES)

    Queue.add_message = add_message


def _answer_parent(application: "WSGIApplication", answers: dict[str, AnswerParent]) -> "WSGIApplication":
    """Answer the parent's own requests."""

    def answering(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        answer = answers.get(environ["PATH_INFO"])
        if answer is None:
            return application(environ, start_response)
        content = answer(json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))))
        start_response("200 OK", [("content-type", "application/json")])
        return [json.dumps(content).encode()]

    return answering


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
