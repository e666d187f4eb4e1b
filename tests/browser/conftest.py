"""A local stack whose clock tests can turn, recordings and conversations in it, and a real browser."""

import contextlib
import json
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import console_corpus
import pytest
from click.testing import CliRunner

from tavus_callbacks_cli.console.open import local_console, open_console
from tavus_callbacks_cli.local_stack import stack
from tavus_callbacks_cli.local_stack.http.server import serve, take_port
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
# Milliseconds to wait for something in a page, on a machine that does other work too.
TIMEOUT = 15_000
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
    """Run a stack with 2,000 conversations and simulate a recording in it, as a person does."""
    root = tmp_path_factory.mktemp("state")
    with take_port(0) as listener:
        port = listener.getsockname()[1]
    console_corpus.plant_many(root, port)
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
class Site:
    """A console: its printed address, and the stack that it shows."""

    address: str
    stack: RunningStack

    @property
    def cdn_url(self) -> str:
        """Return the origin of recordings."""
        return self.stack.outputs["CdnUrl"]

    @property
    def origin(self) -> str:
        """Return scheme, host and port."""
        return self.address.partition("/#")[0]


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


@contextmanager
def console_of(target, running: RunningStack) -> Iterator[Site]:
    """Serve the console of a target on a port of its own, as `tavus-callbacks console` does."""
    with contextlib.ExitStack() as cleanup:
        listener = cleanup.enter_context(take_port(0))
        port = listener.getsockname()[1]
        opened = open_console(target, cleanup, port=port, key="key-of-the-tests", allow_actions=False)
        cleanup.enter_context(serve(listener, opened.site()))
        yield Site(opened.session.address, running)


@pytest.fixture(scope="session")
def console(corpus) -> Site:
    """Give the console that the session's stack serves at `/`."""
    return Site(f"{corpus.stack.api_url}/#key={corpus.stack.console_key}", corpus.stack)


# In every page, before its own code: reports of the policy become errors of the console, and `marks` has the
# times when the first row and the first turn were in the page, and when the frame with them was drawn.
OBSERVE = """
document.addEventListener('securitypolicyviolation', (event) =>
  console.error(`CSP ${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
window.marks = {};
const marked = {row: 'main tbody tr a', turns: 'main .turn'};
new MutationObserver(() => {
  for (const name of Object.keys(marked)) {
    if (!document.querySelector(marked[name])) continue;
    delete marked[name];
    marks[`${name} in the page`] = performance.now();
    requestAnimationFrame(() => setTimeout(() => { marks[name] = performance.now(); }));
  }
}).observe(document, {childList: true, subtree: true});
"""
# A browser reports every status from 400 on as an error, which tests of bad answers cause.
STATUS_ERROR = "Failed to load resource"


@dataclass
class Visitor:
    """A person with a browser who is signed in; notes everything that must not happen in any page."""

    context: object
    site: Site
    faults: list[str] = field(default_factory=list)

    def open(self, fragment: str = "#/conversations"):
        """Open a tab at a fragment."""
        page = self.context.new_page()
        page.on("console", lambda message: self._note("console", message.text, message.type == "error"))
        page.on("pageerror", lambda error: self._note("error", str(error)))
        page.on("dialog", self._refuse)
        page.on("request", lambda request: self._check(request.url))
        page.goto(f"{self.site.origin}/{fragment}")
        return page

    def blank(self):
        """Open a tab at no page, for answers that are changed before a page asks."""
        return self.open("#/nowhere")

    def close_tabs(self) -> None:
        """Close every tab."""
        for page in self.context.pages:
            page.close()

    def _note(self, kind: str, text: str, is_fault: bool = True) -> None:
        if is_fault and STATUS_ERROR not in text:
            self.faults.append(f"{kind}: {text}")

    def _refuse(self, dialog) -> None:
        self._note("dialog", dialog.message)
        dialog.dismiss()

    def _check(self, url: str) -> None:
        parts = urlsplit(url)
        if f"{parts.scheme}://{parts.netloc}" not in (self.site.origin, self.site.cdn_url):
            self._note("request", url, parts.scheme not in ("data", "blob"))


@contextmanager
def visiting(browser, site: Site, **options) -> Iterator[Visitor]:
    """Sign a person in, with options of the browser's context."""
    settings = {"viewport": {"width": 1280, "height": 900}, "reduced_motion": "reduce", **options}
    context = browser.new_context(**settings)
    context.set_default_timeout(TIMEOUT)
    context.add_init_script(OBSERVE)
    try:
        page = context.new_page()
        page.goto(site.address)
        page.locator("nav").first.wait_for()
        page.close()
        yield Visitor(context, site)
    finally:
        context.close()


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


def expect(locator):
    """Return the assertions of Playwright, which wait. Runs of other tests have no Playwright to import."""
    from playwright.sync_api import expect as assertions_of

    assertions_of.set_options(timeout=TIMEOUT)
    return assertions_of(locator)


def ready(page):
    """Wait until a page has loaded what it shows, and return it."""
    page.locator("main .page > *").first.wait_for()
    for words in ("Loading", "Searching"):
        expect(page.get_by_text(words)).to_have_count(0)
    return page


# Times are left out, because some are those of the look, and so is the id of the example of Try.
TEXT = """main => [
  main.innerText,
  ...[...main.querySelectorAll('input, select, textarea')].map((each) => each.checked || each.value),
].join('|').replace(/\\d\\d:\\d\\d(:\\d\\d(\\.\\d+)?)?/g, 'TIME').replace(/ctry[0-9a-f]{8}/g, 'ID')"""


def text_of(page) -> str:
    """Return the texts and the values of the controls of a page."""
    return page.locator("main").evaluate(TEXT)
