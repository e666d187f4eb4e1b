"""The HTTP server of the embedded services, with connections that stay open.

Werkzeug's own handler opens a connection and a thread for each request, a third of the time of a short one.
"""

import traceback
from http import HTTPStatus
from io import BytesIO
from typing import TYPE_CHECKING, Any

from moto.moto_server.werkzeug_app import MotoRequestHandler

from tavus_callbacks_cli.local_stack.services.wsgi import Response, call_application

if TYPE_CHECKING:
    from wsgiref.types import WSGIEnvironment

_FAILED = Response("500 INTERNAL SERVER ERROR", [("content-length", "0")], b"")
_WITHOUT_BODY = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)


class KeepAliveHandler(MotoRequestHandler):  # type: ignore[misc] # moto has no types
    """Answers the requests of one connection, one after the other."""

    protocol_version = "HTTP/1.1"
    # Header and body leave in one packet, without waiting for the acknowledgement of the last one.
    disable_nagle_algorithm = True
    wbufsize = -1

    def handle_expect_100(self) -> bool:
        """Ask for the body at once."""
        super().handle_expect_100()
        self.wfile.flush()
        return True

    def run_wsgi(self) -> None:
        """Read a whole request, and write the whole answer."""
        environ = self.make_environ()
        environ["wsgi.input"] = BytesIO(_read_body(environ))
        try:
            response = call_application(self.server.app, environ)
        except Exception:  # noqa: BLE001 - the outermost edge: the client gets an answer, the log the traceback
            self.server.log("error", traceback.format_exc())
            response = _FAILED
        code, _, reason = response.status.partition(" ")
        self.send_response(int(code), reason)
        for name, value in response.headers:
            self.send_header(name, value)
        has_length = any(name.lower() == "content-length" for name, _ in response.headers)
        if not has_length and self.command != "HEAD" and int(code) not in _WITHOUT_BODY:
            self.send_header("content-length", str(len(response.body)))
        self.end_headers()
        self.wfile.write(response.body)


def _read_body(environ: "WSGIEnvironment") -> bytes:
    stream: Any = environ["wsgi.input"]
    if environ.get("wsgi.input_terminated"):
        return bytes(stream.read())
    return bytes(stream.read(int(environ.get("CONTENT_LENGTH") or 0)))
