"""The console's server: what answers each path, for a browser on this machine only.

GET  /                        the page
GET  /console/NAME            a static file
POST /console/session         the key, exchanged for a cookie
GET  /console/config          what this console shows and may do
GET  /console/read/PATH       the read API of the target
GET  /console/problems        what is stuck
GET  /console/scenarios       what can be sent
GET  /console/live            new callbacks as server-sent events (local stack)
POST /console/actions/NAME    an action
"""

import threading
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from tavus_callbacks_cli.console.actions import ACTIONS, list_scenarios
from tavus_callbacks_cli.console.answers import json_answer, problem, protect
from tavus_callbacks_cli.console.assets import asset
from tavus_callbacks_cli.console.problems import list_problems
from tavus_callbacks_cli.console.session import Session, parse_object
from tavus_callbacks_cli.local_stack.http.payload import Answer, Request, Stream
from tavus_callbacks_cli.local_stack.http.server import Site
from tavus_callbacks_cli.output.console import note
from tavus_callbacks_cli.output.shell import line
from tavus_callbacks_cli.targets.api_client import NotFound, Unavailable

if TYPE_CHECKING:
    from tavus_callbacks_cli.console.read_api import ReadApi
    from tavus_callbacks_cli.targets.choose import Target

API = "/console/read"
_PAGES = ("conversations", "events", "resources", "stats", "problems", "quarantine", "try")
_BODY_LIMIT = 2 * 1024 * 1024
# Seconds that a request waits for the one before it to finish with the operator's clients.
_PATIENCE = 10

_NOT_FOUND = problem(404, "Not found", "The console has no such path.")
_TOO_LARGE = problem(413, "Too large", "The console takes at most 2 MB.")
_FAILED = problem(500, "Failed", "The console failed. Its terminal shows why.")
_BUSY = problem(
    409, "Busy", "Another action is still running. Try again when it is done.", ("retry-after", "10")
)
_READ, _WRITE = ("GET", "HEAD"), ("POST",)
_EVENT_STREAM = (("content-type", "text/event-stream"),)


@dataclass(frozen=True)
class Console:
    """A console for one target; `chunks` are its live events, if it has any."""

    session: Session
    target: "Target"
    read_api: "ReadApi"
    actions: tuple[str, ...] = ()
    chunks: Callable[[], AsyncGenerator[bytes, None]] | None = None
    _operating: threading.Lock = field(default_factory=threading.Lock)
    _acting: threading.Lock = field(default_factory=threading.Lock)

    def site(self) -> Site:
        """Return what a port needs to serve this console."""
        errors = {"too_large": protect(_TOO_LARGE), "failed": protect(_FAILED)}
        return Site(self.handle, takes_path, _BODY_LIMIT, **errors)

    def finish(self) -> None:
        """Wait until no action runs."""
        if self._acting.locked():
            note("An action is still running. Press Ctrl-C again to stop it.")
        self._acting.acquire()

    def handle(self, request: Request) -> Answer | Stream:
        """Answer a request; any thread may call this."""
        path = request.path.decode("latin-1")
        name = "index.html" if path == "/" else path.removeprefix("/console/")
        if refusal := self.session.refuse_host(request):
            return protect(refusal)
        if file := asset(name) if takes_path(request.path) else None:
            if refusal := _refuse_method(request, _READ):
                return protect(refusal)
            return protect(file, self.read_api.cdn_origin() if name == "index.html" else None)
        return protect(self.session.refuse_site(request) or self._answer(request, name))

    def _answer(self, request: Request, name: str) -> Answer | Stream:
        """Answer a request that this console's page makes."""
        if name != "session" and (refusal := self.session.refuse_stranger(request)):
            return refusal
        route = self._routes.get("read" if name.startswith("read/") else name)
        if not route:
            return _NOT_FOUND
        methods, respond = route
        return _refuse_method(request, methods) or respond(request)

    @property
    def _routes(self) -> dict[str, tuple[Sequence[str], Callable[[Request], Answer | Stream]]]:
        chunks = self.chunks
        return {
            "session": (_WRITE, self.session.sign_in),
            "read": (_READ, self._read),
            "config": (_READ, lambda _: json_answer(200, self._config())),
            "scenarios": (_READ, lambda _: json_answer(200, list_scenarios())),
            "problems": (_READ, lambda _: self._operate(lambda: list_problems(self.target, self.read_api))),
            **({"live": (("GET",), lambda _: Stream(_EVENT_STREAM, chunks))} if chunks else {}),
            **{f"actions/{action}": (_WRITE, partial(self._act, action)) for action in self.actions},
        }

    def _read(self, request: Request) -> Answer:
        path = request.path.decode("latin-1").removeprefix(API)
        return self.read_api.get(path, request.query.decode("latin-1"))

    def _act(self, action: str, request: Request) -> Answer:
        content = parse_object(request.body)
        if content is None:
            return problem(400, "No JSON", "Send a JSON object.")

        def work() -> dict[str, Any]:
            with self._acting:
                document = ACTIONS[action](self.target, self.read_api, content)
            note(f"{action}: {sum(map(len, document.values()))}")
            return document

        return self._operate(work)

    def _operate(self, work: Callable[[], Any]) -> Answer:
        """Do one piece of the operator's work at a time: sessions of boto3 are not thread-safe."""
        if not self._operating.acquire(timeout=_PATIENCE):
            return _BUSY
        try:
            return json_answer(200, work())
        except NotFound as error:
            return problem(404, "Not found", error.message)
        except click.UsageError as error:
            return problem(400, "Bad request", error.message)
        except Unavailable as error:
            return problem(503, "No answer", error.message)
        except click.ClickException as error:
            return problem(502, "Failed", error.message)
        finally:
            self._operating.release()

    def _config(self) -> dict[str, Any]:
        is_hidden = "send" not in self.actions
        return {
            "target": self.target.name,
            "api": API,
            "pages": [page for page in _PAGES if not (page == "try" and is_hidden)],
            "live": "push" if self.chunks else "poll",
            "cdn_url": self.read_api.cdn_origin(),
            "actions": list(self.actions),
            "option": line(*self.target.options),
        }


def takes_path(path: bytes) -> bool:
    """Tell whether a path is the console's."""
    return path == b"/" or path.startswith(b"/console/")


def _refuse_method(request: Request, methods: Sequence[str]) -> Answer | None:
    if request.method in methods:
        return None
    allowed = ", ".join(methods)
    return problem(405, "Method not allowed", f"This path takes {allowed}.", ("allow", allowed))
