"""Helpers for tests of pages: consoles to visit, a person who visits them, and the content of a page."""

import contextlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from tavus_callbacks_cli.console.open import open_console
from tavus_callbacks_cli.local_stack.http.server import serve, take_port
from tavus_callbacks_cli.local_stack.registry import RunningStack

# Milliseconds to wait for something in a page, on a machine that does other work too.
TIMEOUT = 15_000


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


@contextmanager
def console_of(target, running: RunningStack) -> Iterator[Site]:
    """Serve the console of a target on a port of its own, as `tavus-callbacks console` does."""
    with contextlib.ExitStack() as cleanup:
        listener = cleanup.enter_context(take_port(0))
        port = listener.getsockname()[1]
        opened = open_console(target, cleanup, port=port, key="key-of-the-tests", allow_actions=False)
        cleanup.enter_context(serve(listener, opened.site()))
        yield Site(opened.session.address, running)


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
    """A signed-in person with a browser; notes everything that must not happen in any page."""

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
