"""Every page of the console: it opens, it is accessible, and its address restores it."""

import time
from datetime import UTC, datetime
from pathlib import Path

import console_corpus as corpus_of
import pytest
from browsing import expect, ready, text_of, visiting

pytestmark = pytest.mark.more

AXE = Path(__file__).parent / "node_modules/axe-core/axe.min.js"
RUN_AXE = """async (rules) => {
  const {violations} = await axe.run(document, rules ? {runOnly: rules} : {});
  return violations.flatMap(({id, nodes}) => nodes.map(({html, failureSummary}) =>
    `${id}: ${html.slice(0, 160)} ${failureSummary.slice(0, 300)}`));
}"""
CONVERSATION = f"#/conversations/{corpus_of.PLANTED}"
# A fragment of each page, and a text that only this page has.
PAGES = {
    "conversations": ("#/conversations", "planted-0"),
    "conversation": (CONVERSATION, "User"),
    "timeline": (f"{CONVERSATION}?tab=timeline", "joined"),
    "events of a conversation": (f"{CONVERSATION}?tab=events", "system.shutdown"),
    "events": ("#/events", "Event type"),
    "resources": ("#/resources", corpus_of.HOSTILE[:10]),
    "stats": ("#/stats", "Conversations by day"),
    "problems": ("#/problems", "quarantine"),
    "quarantine": ("#/quarantine", "The body is not JSON"),
    "try": ("#/try", "Send a scenario"),
}
# Each of these is in the address only, and so is every page.
STATES = {
    "filters": "#/conversations?missing=recording&status=ended&since=30d&simulated=false",
    "a tag": "#/conversations?tag=simulated%3Atrue",
    "nothing matches": "#/conversations?label=nobody",
    "a moment": f"#/conversations/{corpus_of.LONG}?t=4012",
    "filtered events": "#/events?event_type=system.shutdown",
    "stats by label": "#/stats?by=label&since=7d",
}


@pytest.fixture(scope="module", params=PAGES)
def shown(request, signed_in):
    """Open a page once for the tests below; return it, its fragment and a text that only it has."""
    fragment, words = PAGES[request.param]
    signed_in.faults.clear()
    page = ready(signed_in.open(fragment))
    yield page, fragment, words
    signed_in.close_tabs()
    assert [] == signed_in.faults


def test_a_page_shows_its_content(shown, console):
    """It has one heading of the first level, a title of its own, and its link is marked."""
    page, fragment, words = shown

    page.locator("main").get_by_text(words).first.wait_for()
    assert 1 == page.locator("main h1").count()
    assert page.title().endswith(f"port {console.stack.port}")
    current = page.locator("nav [data-page][aria-current=page]")
    assert fragment.startswith(f"{current.get_attribute('href')}")


def test_a_page_reloads_to_itself(shown):
    """After a reload the address, the texts and the controls are the same."""
    assert_reloads_to_itself(shown[0])


def test_axe_finds_nothing(shown):
    """In light, in dark and at 390 pixels, where nothing scrolls sideways either."""
    page, *_ = shown
    page.evaluate(AXE.read_text(encoding="utf-8"))

    found = {"light": page.evaluate(RUN_AXE, None)}
    page.emulate_media(color_scheme="dark")
    found["dark"] = page.evaluate(RUN_AXE, ["color-contrast", "link-in-text-block"])
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 390, "height": 800})
    found["390 px"] = page.evaluate(RUN_AXE, None)
    width = page.evaluate("document.documentElement.scrollWidth")

    assert {"light": [], "dark": [], "390 px": []} == found
    assert width <= 390


@pytest.mark.parametrize("name", STATES)
def test_a_state_reloads_to_itself(name, visitor):
    """Filters, a moment and what is grouped come back with the address."""
    assert_reloads_to_itself(ready(visitor.open(STATES[name])))


def assert_reloads_to_itself(page) -> None:
    """Assert that a reload changes neither the address nor what is shown."""
    before = page.url, text_of(page)
    page.reload()
    assert before == (ready(page).url, text_of(page))


def test_an_empty_list_says_what_comes_next(visitor):
    """Without conversations the page explains where they come from; the first one shows without a click."""
    id_ = f"first-{time.time_ns()}"

    def leave_out_others(route):
        answer = corpus_of.read(visitor.site.stack, "/conversations?limit=50")
        rows = [each for each in answer["conversations"] if each["conversation_id"] == id_]
        route.fulfill(json={**answer, "conversations": rows, "cursor": None})

    page = visitor.blank()
    page.route("**/console/read/conversations?*", leave_out_others)
    page.goto(f"{visitor.site.origin}/#/conversations")
    ready(page).get_by_role("heading", name="No conversations yet").wait_for()
    page.get_by_role("link", name="Send a simulated callback").wait_for()
    page.get_by_text("Live", exact=True).wait_for()

    event = corpus_of.conversation_event(id_, "system.replica_joined", datetime.now(UTC), replica_id="r1")
    corpus_of.post(visitor.site.stack, event)
    page.get_by_role("link", name=id_, exact=True).wait_for()
    expect(page.locator("main tbody tr")).to_have_count(1)


def test_axe_reads_what_is_wrong(visitor):
    """The check itself finds a button without a name."""
    page = ready(visitor.open())
    page.evaluate(AXE.read_text(encoding="utf-8"))
    page.evaluate("document.querySelector('main').append(document.createElement('button'))")

    assert any(fault.startswith("button-name: ") for fault in page.evaluate(RUN_AXE, None))


def test_the_help_is_accessible_and_closes(visitor):
    """`?` opens a list of keys; Escape closes it and stays on the page."""
    page = ready(visitor.open())
    page.evaluate(AXE.read_text(encoding="utf-8"))
    page.keyboard.press("?")
    page.locator("dialog[open]").wait_for()

    assert [] == page.evaluate(RUN_AXE, None)
    page.keyboard.press("Escape")
    page.locator("dialog").wait_for(state="detached")
    assert page.url.endswith("#/conversations")


def test_filters_chosen_by_hand_stand_in_the_address(visitor):
    """The choices of a person are in the address, and a reload shows the same rows and controls."""
    page = ready(visitor.open())
    page.locator("select[name=status]").select_option("ended")
    page.locator("input[name=tag]").fill("simulated:true")
    page.locator("input[name=tag]").press("Enter")
    page.locator("main tbody tr").nth(1).wait_for()
    ready(page)
    before = text_of(page)

    assert "status=ended" in page.url
    assert "tag=simulated%3Atrue" in page.url
    page.reload()
    assert before == text_of(ready(page))


def test_one_switch_changes_every_time(browser, console):
    """Local time or UTC, in the list, kept over a reload."""
    with visiting(browser, console, timezone_id="Asia/Tokyo") as visitor:
        page = ready(visitor.open())
        page.get_by_role("button", name="Tokyo").click()
        page.get_by_role("columnheader", name="UTC").wait_for()
        ready(page)
        utc = page.locator("main time").first.inner_text()
        stamp = page.locator("main time").first.get_attribute("datetime")
        assert stamp.startswith(utc.replace(" ", "T")[:16])

        page.reload()
        assert utc == ready(page).locator("main time").first.inner_text()
        assert [] == visitor.faults


def test_a_conversation_is_replayed_after_a_dry_run(visitor):
    """The dialog says what it would post, and then what the address answered."""
    page = ready(visitor.open(CONVERSATION))
    page.get_by_role("button", name="Replay…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Address").fill("http://127.0.0.1:1/nobody")
    dialog.get_by_role("button", name="Dry run").click()
    dialog.get_by_role("button", name=f"Post {len(corpus_of.TYPES)}").click()

    expect(dialog).to_contain_text(f"The address accepted 0 of {len(corpus_of.TYPES)}.")
