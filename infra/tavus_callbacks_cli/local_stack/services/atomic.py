"""DynamoDB's requests one after the other, for there each is one step, and in moto several.

Moto checks a condition and writes after that, and makes a row of nothing but its keys before it fills it: two
writers could both be the first, and a reader could meet a row that is half there.
"""

import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING

from tavus_callbacks_cli.local_stack.services.wsgi import answer_of

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

# Of tables and of their streams.
_TARGETS = ("DynamoDB_", "DynamoDBStreams_")


def atomic(application: "WSGIApplication") -> "WSGIApplication":
    """Wrap moto: whoever asks DynamoDB waits for the one before; the other services go on beside it."""
    lock = threading.Lock()

    def one_at_a_time(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if not str(environ.get("HTTP_X_AMZ_TARGET", "")).startswith(_TARGETS):
            return application(environ, start_response)
        with lock:
            answered = answer_of(application, environ)
        return answered.send(start_response)

    return one_at_a_time
