"""A target whose API answers from a list."""

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from click.testing import CliRunner, Result

from tavus_callbacks_cli.main import main
from tavus_callbacks_cli.targets.api_client import ApiClient


@dataclass
class FakeTarget:
    """Answers in order; a tuple has a status and an answer.

    After the last answer it raises what Ctrl-C raises. `quarantine` has the pages of the quarantine,
    the last one for ever; if it is empty, they come from `answers`. `refused_scopes` cannot be opened.
    """

    name: str = "a fake"
    options: tuple[str, ...] = ()
    is_local: bool = False
    answers: list[Any] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    scopes: list[str] = field(default_factory=list)
    quarantine: list[Any] = field(default_factory=list)
    refused_scopes: dict[str, Exception] = field(default_factory=dict)

    @contextmanager
    def open_api(self, scope: str):
        """Open the fake."""
        self.scopes.append(scope)
        if scope in self.refused_scopes:
            raise self.refused_scopes[scope]
        with httpx.Client(base_url="https://a.fake", transport=httpx.MockTransport(self._answer)) as client:
            yield ApiClient(client, "Make a token.", "Is it up?", self.options)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if self.quarantine and request.url.path == "/quarantine":
            page = self.quarantine.pop(0) if len(self.quarantine) > 1 else self.quarantine[0]
            return httpx.Response(200, json=page)
        self.asked.append(request.url.raw_path.decode())
        if not self.answers:
            raise KeyboardInterrupt
        answer = self.answers.pop(0)
        status, content = answer if isinstance(answer, tuple) else (200, answer)
        if isinstance(content, str):
            return httpx.Response(status, text=content)
        return httpx.Response(status, json=content)


def run(*arguments: str) -> Result:
    """Run a command on the fake."""
    return CliRunner().invoke(main, arguments)
