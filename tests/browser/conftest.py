"""A local stack whose clock tests can turn, recordings and conversations in it, and a real browser."""

import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass

import console_corpus
import pytest
from browsing import Site, Visitor, empty_pages, visiting
from click.testing import CliRunner

from tavus_callbacks_cli.console.open import local_console
from tavus_callbacks_cli.local_stack import stack
from tavus_callbacks_cli.local_stack.http.server import take_port
from tavus_callbacks_cli.local_stack.registry import RunningStack
from tavus_callbacks_cli.main import main
from templates import template_with

# Sandbox and GPU are not available everywhere; the others are requests that leave this machine.
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


@pytest.fixture(scope="session")
def recorded(tmp_path_factory, turned, elsewhere) -> Iterator[Recorded]:
    """Run a stack with 200 conversations and simulate a recording in it, as a person does."""
    root = tmp_path_factory.mktemp("state")
    with take_port(0) as listener:
        port = listener.getsockname()[1]
    console_corpus.plant_many(root, port, console_corpus.SOME)
    template = template_with(
        tmp_path_factory.mktemp("template"), {"LINK_LIFETIME_MINUTES": LINK_LIFETIME_MINUTES}
    )
    parameters = {"CdnAllowedOrigins": elsewhere}
    options = stack.Options(
        port=port,
        state_root=root,
        parameters=parameters,
        clock=turned,
        template=template,
        console=local_console,
    )
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


@dataclass(frozen=True)
class Corpus:
    """The subjects in the session's stack that tests of the console look at."""

    stack: RunningStack
    recorded: dict[str, str]


@pytest.fixture(scope="session")
def corpus(recorded) -> Corpus:
    """Fill the session's stack: hostile texts, 1,575 turns, recordings that start at three times."""
    running = recorded.stack
    console_corpus.send_hostile(running)
    console_corpus.send_long(running)
    starts = console_corpus.STARTS
    subjects = {name: console_corpus.simulate(running, "recording", start) for name, start in starts.items()}
    for id_ in (console_corpus.LONG, *subjects.values()):
        console_corpus.await_available(running, id_)
    return Corpus(running, subjects)


@pytest.fixture(scope="session")
def console(corpus) -> Site:
    """Give the console that the session's stack serves at `/`."""
    return Site(f"{corpus.stack.api_url}/#key={corpus.stack.console_key}", corpus.stack)


@pytest.fixture(scope="module")
def signed_in(browser, console) -> Iterator[Visitor]:
    """Sign in once for the tests of a module."""
    with visiting(browser, console) as visitor:
        yield visitor


@pytest.fixture
def visitor(signed_in) -> Iterator[Visitor]:
    """Give the person without tabs; at the end, nothing may have been reported in any tab."""
    signed_in.faults.clear()
    yield signed_in
    signed_in.close_tabs()
    assert [] == signed_in.faults
