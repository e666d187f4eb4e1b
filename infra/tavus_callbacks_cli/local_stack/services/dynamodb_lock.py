"""Runs the requests to DynamoDB one at a time: on AWS each is one step, in moto several.

Moto first checks a condition and then writes. It also creates an item with only its keys before it fills it.
Without the lock two writers could both be first, and a reader could see half an item.
"""

import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING

from tavus_callbacks_cli.local_stack.services.wsgi import call_application

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

# The tables and their streams.
_TARGETS = ("DynamoDB_", "DynamoDBStreams_")


def serialize_dynamodb(application: "WSGIApplication") -> "WSGIApplication":
    """Wrap moto: requests to DynamoDB wait for each other, those to other services do not."""
    lock = threading.Lock()

    def serialized(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if not str(environ.get("HTTP_X_AMZ_TARGET", "")).startswith(_TARGETS):
            return application(environ, start_response)
        with lock:
            response = call_application(application, environ)
        return response.send(start_response)

    return serialized
