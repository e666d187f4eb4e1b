"""A local stack with a clock that tests can turn, a simulated recording in it, and a real browser."""

import json
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from click.testing import CliRunner

from tavus_callbacks_cli.local_stack import stack
from tavus_callbacks_cli.local_stack.registry import RunningStack
from tavus_callbacks_cli.main import main
from templates import template_with

# Sandbox and GPU are not to be had everywhere; the others are questions that go out of this machine.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# Shorter than the hour that every link outlives its recording by.
LINK_LIFETIME_MINUTES = 5


@dataclass
class Clock:
    """The CDN's time: this machine's, and some seconds more."""

    ahead: float = 0

    def __call__(self) -> float:
        """Return seconds since 1970."""
        return time.time() + self.ahead


@dataclass(frozen=True)
class Recorded:
    """A simulated conversation whose recording is there."""

    stack: RunningStack
    conversation_id: str

    @property
    def path(self) -> str:
        """Return the address that answers with a fresh link."""
        return f"{self.stack.api_url}/conversations/{self.conversation_id}/recordings/latest"

    @property
    def authorization(self) -> dict[str, str]:
        """Return the header of who may read."""
        return {"authorization": f"Bearer {self.stack.read_token}"}


@pytest.fixture(scope="session")
def turned() -> Clock:
    """Make the clock of the session's stack."""
    return Clock()


@pytest.fixture
def clock(turned) -> Iterator[Clock]:
    """Give the clock, and set it right again."""
    yield turned
    turned.ahead = 0


@pytest.fixture(scope="session")
def elsewhere() -> Iterator[str]:
    """Serve an empty page, and return its origin."""
    with empty_pages() as origin:
        yield origin


@contextmanager
def empty_pages() -> Iterator[str]:
    """Serve nothing but empty pages on loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def recorded(tmp_path_factory, turned, elsewhere) -> Iterator[Recorded]:
    """Run a stack and simulate a recording in it, as a person does."""
    root = tmp_path_factory.mktemp("state")
    template = template_with(
        tmp_path_factory.mktemp("template"), {"LINK_LIFETIME_MINUTES": LINK_LIFETIME_MINUTES}
    )
    parameters = {"CdnAllowedOrigins": elsewhere}
    options = stack.Options(port=0, state_root=root, parameters=parameters, clock=turned, template=template)
    with pytest.MonkeyPatch.context() as patch, stack.local_stack(options) as local:
        patch.setenv("TAVUS_CALLBACKS_STATE", str(root))
        result = CliRunner().invoke(main, ["simulate", "recording", "--local", "--json"])
        assert 0 == result.exit_code, result.output
        first, *_ = json.loads(result.stdout)["callbacks"]
        yield Recorded(local.running, first["answer"]["subject"])


@pytest.fixture(scope="session")
def browser():
    """Start the system's Chromium."""
    from playwright.sync_api import sync_playwright

    executable = shutil.which("chromium") or shutil.which("chromium-browser")
    assert executable, "Chromium is missing: infra/checks/browser installs it."
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        yield launched
        launched.close()


@pytest.fixture
def stranger(browser):
    """Open a tab that knows no token."""
    context = browser.new_context()
    yield context.new_page()
    context.close()


@pytest.fixture
def page(browser, recorded):
    """Open a tab of somebody who may read; what is refused there is shown, not raised."""
    context = browser.new_context(extra_http_headers=recorded.authorization)
    yield context.new_page()
    context.close()
