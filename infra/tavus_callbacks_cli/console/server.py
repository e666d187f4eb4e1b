"""The console's server: which path is answered by what, for a browser on this machine only.

GET  /                        the page
GET  /console/NAME            a static file
POST /console/session         the key, exchanged for a cookie
GET  /console/config          what this console shows and may do
GET  /console/read/PATH       the read API of the target
GET  /console/live            new callbacks as server-sent events (local stack)
POST /console/actions/NAME    an action
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tavus_callbacks_cli.console.answers import json_answer, problem
from tavus_callbacks_cli.console.assets import asset
from tavus_callbacks_cli.console.session import Session, header
from tavus_callbacks_cli.local_stack.http.payload import Answer, Request

if TYPE_CHECKING:
    from tavus_callbacks_cli.console.read_api import ReadApi

API = "/console/read"
_PAGES = ("conversations", "events", "resources", "stats", "problems", "quarantine")


@dataclass(frozen=True, slots=True)
class Console:
    """A console for one target."""

    session: Session
    read_api: "ReadApi"
    cdn_url: str | None
    is_live: bool = False

    def handle(self, request: Request) -> Answer | None:
        """Answer a request of the console; None if the path is not the console's."""
        path = request.path.decode("latin-1")
        if path != "/" and not path.startswith("/console/"):
            return None
        if header(request, b"host") not in self._hosts:
            return problem(
                421, "Misdirected", f"Open {' or '.join(f'http://{host}/' for host in self._hosts)}."
            )
        name = "index.html" if path == "/" else path.removeprefix("/console/")
        if request.method == "GET" and (file := asset(name, self.cdn_url)):
            return file
        if (request.method, name) == ("POST", "session"):
            return self.session.sign_in(request)
        if refusal := self.session.refusal(request):
            return refusal
        return self._answer(request, name)

    @property
    def _hosts(self) -> tuple[str, str]:
        return f"127.0.0.1:{self.session.port}", f"localhost:{self.session.port}"

    def _answer(self, request: Request, name: str) -> Answer:
        if (request.method, name) == ("GET", "config"):
            return json_answer(200, self._config())
        if request.method == "GET" and name.startswith("read/"):
            return self.read_api.get(name.removeprefix("read"), request.query.decode("latin-1"))
        return problem(404, "Not found", "The console has no such path.")

    def _config(self) -> dict[str, object]:
        target = self.read_api.target
        return {
            "target": target.name,
            "api": API,
            "pages": list(_PAGES),
            "live": "push" if self.is_live else "poll",
            "cdn_url": self.cdn_url,
        }
