"""Hostile texts stay texts, and pages of others learn nothing from the console."""

import console_corpus as corpus_of
import httpx
import pytest
from browsing import ready

pytestmark = pytest.mark.more

ID = corpus_of.segment(corpus_of.HOSTILE)
PAGES = {
    "list": "#/conversations",
    "filters of a hostile address": f"#/conversations?tag={ID}&label={ID}&replica={ID}&since={ID}&until=2h",
    "transcript": f"#/conversations/{ID}",
    "timeline": f"#/conversations/{ID}?tab=timeline",
    "events of a conversation": f"#/conversations/{ID}?tab=events",
    "a hostile tab": f"#/conversations/{ID}?tab={ID}&t={ID}&offset={ID}",
    # Other tests send newer events than those of the first page.
    "events": f"#/events?event_type={ID}",
    "resources": "#/resources",
    "a resource": f"#/resources/video/{ID}",
    "stats": "#/stats?by=tag:user",
    "problems": "#/problems",
    "quarantine": "#/quarantine",
    "an unknown id": f"#/conversations/{ID}x",
    "no such page": f"#/{ID}/{ID}?{ID}={ID}",
}
# These show at least one hostile text.
WITHOUT = ("stats", "problems", "no such page", "filters of a hostile address")
MARK = "onerror=alert"
LINKS = "document.querySelectorAll('main a[href], main [src]')"
TARGETS = f"[...{LINKS}].map((each) => each.getAttribute('href') ?? each.getAttribute('src'))"
# Strangers' texts without an element around them that isolates their direction.
NOT_ISOLATED = """mark => {
  const walker = document.createTreeWalker(document.querySelector('main'), NodeFilter.SHOW_TEXT);
  const bare = [];
  while (walker.nextNode()) {
    const {data, parentElement} = walker.currentNode;
    const isIsolated = parentElement.closest('[dir=auto], option, textarea');
    if (data.includes(mark) && !isIsolated) bare.push(parentElement.outerHTML.slice(0, 200));
  }
  return bare;
}"""


@pytest.mark.parametrize("name", PAGES)
def test_no_text_becomes_an_element(name, visitor):
    """The texts are there to read; no element, link or request is made of them."""
    page = ready(visitor.open(PAGES[name]))
    unfold(page)

    assert name in WITHOUT or MARK in page.locator("main").inner_text()
    assert 0 == page.locator(corpus_of.OWNED).count()
    assert [] == page.evaluate(NOT_ISOLATED, MARK)
    allowed = ("#/", "/console/", f"{visitor.site.origin}/", f"{visitor.site.cdn_url}/")
    assert [] == [target for target in page.evaluate(TARGETS) if not target.startswith(allowed)]
    assert page.evaluate("({}).polluted") is None


def unfold(page) -> None:
    """Open every fold, also those that opening others brings."""
    for _ in range(4):
        page.evaluate("document.querySelectorAll('main details').forEach((each) => { each.open = true; })")
        ready(page)


def test_a_hostile_id_is_opened_from_the_list_and_from_the_jump_box(visitor):
    """The link and the box lead to the conversation with exactly this id."""
    page = ready(visitor.open())
    page.get_by_role("link", name=corpus_of.HOSTILE, exact=True).click()
    page.locator("main h1").get_by_text(corpus_of.HOSTILE).wait_for()
    first = page.url

    page = ready(visitor.open())
    jump = page.locator("input[name=id]")
    jump.fill(corpus_of.HOSTILE)
    jump.press("Enter")
    page.locator("main h1").get_by_text(corpus_of.HOSTILE).wait_for()
    assert first == page.url


def test_hostile_captions_are_text(visitor, corpus):
    """Captions pass no parser of HTML: what looks like markup is shown or left out, never run."""
    path = f"**/conversations/{corpus.recorded['7.5 s after']}/transcript?*vtt*"
    vtt = f"WEBVTT\n\n1\n00:00:00.000 --> 00:00:59.000\n<v {corpus_of.HTML}>{corpus_of.HTML}\n"
    page = visitor.blank()
    page.route(path, lambda route: route.fulfill(body=vtt, content_type="text/vtt"))
    page.goto(f"{visitor.site.origin}/#/conversations/{corpus.recorded['7.5 s after']}")
    page.get_by_role("button", name="Play the recording").click()
    page.locator("video").wait_for()

    assert 0 == page.locator(corpus_of.OWNED).count()


def test_a_link_that_is_not_https_is_not_played(visitor, corpus):
    """The address of a recording passes the same rule as every other address."""
    id_, links = corpus.recorded["7.5 s after"], []
    page = visitor.blank()
    page.route(f"**/conversations/{id_}/recordings/*", lambda route: route.fulfill(json=links[-1]))
    for url in ("javascript:alert(1)", "http://192.0.2.1/x.mp4", "data:video/mp4;base64,AAAA"):
        links.append({"url": url, "expires_at": "2999-01-01T00:00:00Z"})
        page.goto(f"{visitor.site.origin}/#/conversations/{id_}")
        page.get_by_role("button", name="Play the recording").click()

        page.get_by_role("alert").wait_for()
        assert 0 == page.locator("video[src]").count()
        page.goto(f"{visitor.site.origin}/#/nowhere")


def test_the_key_leaves_no_trace(visitor):
    """Not in the address, not in the history, not in what scripts can read or what stays."""
    page = visitor.context.new_page()
    page.goto("about:blank")
    page.goto(visitor.site.address)
    ready(page)
    key = visitor.site.address.partition("key=")[2]

    assert key not in page.url
    page.go_back()
    page.go_forward()
    assert key not in ready(page).url
    assert "" == page.evaluate("document.cookie")
    assert key not in page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, history.state])")
    [cookie] = visitor.context.cookies()
    assert (True, "Strict", -1) == (cookie["httpOnly"], cookie["sameSite"], cookie["expires"])
    assert visitor.site.origin.rpartition(":")[2] in cookie["name"]


READ = """async ([url, mode]) => {
  try {
    const answer = await fetch(url, {mode, credentials: 'include'});
    return [answer.type, answer.status, (await answer.text()).length];
  } catch (error) { return error.name; }
}"""
FRAME = """url => new Promise((resolve) => {
  const frame = document.createElement('iframe');
  frame.addEventListener('load', resolve);
  frame.src = url;
  document.body.append(frame);
})"""


def test_a_page_elsewhere_reads_nothing(visitor, elsewhere):
    """A page on another port of this machine gets neither data nor a frame, though the cookie is there."""
    page = visitor.context.new_page()
    page.goto(elsewhere)
    config = f"{visitor.site.origin}/console/config"

    assert "TypeError" == page.evaluate(READ, [config, "cors"])
    assert "TypeError" == page.evaluate(READ, [config, "no-cors"])
    with page.expect_console_message(lambda message: "frame-ancestors" in message.text):
        page.evaluate(FRAME, f"{visitor.site.origin}/")


def test_every_answer_has_the_headers_of_the_design(console):
    """Files, the page, data, refusals and unknown paths: the policy names the origin of recordings only."""
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        f"media-src {console.cdn_url}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'"
    )
    for path in ("/", "/console/app.js", "/console/style.css", "/console/config", "/console/nothing"):
        headers = httpx.get(f"{console.origin}{path}", trust_env=False).headers
        assert "nosniff" == headers["x-content-type-options"], path
        assert "no-referrer" == headers["referrer-policy"]
        assert "same-origin" == headers["cross-origin-opener-policy"]
        assert "same-origin" == headers["cross-origin-resource-policy"]
        assert "permissions-policy" in headers
        assert not [name for name in headers if name.startswith("access-control-")]
    assert policy == httpx.get(console.origin, trust_env=False).headers["content-security-policy"]
